#include <nlohmann/json.hpp>

#include "engine/model/config_reader.h"
#include "engine/model/decoder_weights.h"
#include "engine/model/family.h"
#include "engine/model/tied_head.h"
#include "engine/model/weight_loader.h"

/// Llama and the families that share its layers: https://huggingface.co/docs/transformers/model_doc/llama,
/// …/qwen2.
namespace bsbr {
namespace {

/// Rotation of a part of each head is another model.
void check_whole_heads(ConfigReader& read) {
  constexpr const char* kKey = "partial_rotary_factor";
  if (read.positive(kKey, 1, 1) != 1) read.problem(cat(kKey, " must be 1: only whole heads can be rotated"));
}

/// Both spellings: rope_parameters {rope_theta, rope_type, …}, and rope_theta beside rope_scaling {type, …},
/// which goes before the other, as in transformers.
RopeConfig read_rope(ConfigReader& read) {
  constexpr double kMost = 1e12;
  RopeConfig rope;
  rope.theta = read.positive("rope_theta", rope.theta, kMost);
  check_whole_heads(read);
  const nlohmann::json* const scaling = read.find("rope_scaling");
  const char* key = scaling != nullptr && !scaling->empty() ? "rope_scaling" : "rope_parameters";
  const nlohmann::json* const found = read.find(key);
  if (found == nullptr) return rope;
  if (!found->is_object()) {
    read.problem(cat(key, " is ", found->type_name(), ", an object is expected"));
    return rope;
  }
  ConfigReader inner = read.inside(key, *found);
  for (const auto& [name, value] : found->items()) {
    if (value.is_object())
      inner.problem(cat(name, " is an object; only one rotation for all layers is supported"));
  }
  const std::string type = inner.text("rope_type", inner.text("type", "default"));
  rope.theta = inner.positive("rope_theta", rope.theta, kMost);
  check_whole_heads(inner);
  // "dynamic" changes nothing up to max_position_embeddings, which is where sequences end here.
  if (type == "linear") {
    rope.type = RopeType::Linear;
    rope.factor = inner.positive("factor", {}, kMost);
  } else if (type == "llama3") {
    rope.type = RopeType::Llama3;
    rope.factor = inner.positive("factor", {}, kMost);
    rope.low_frequency_factor = inner.positive("low_freq_factor", 1, kMost);
    rope.high_frequency_factor = inner.positive("high_freq_factor", 4, kMost);
    rope.original_context = inner.size("original_max_position_embeddings");
    if (rope.high_frequency_factor <= rope.low_frequency_factor) {
      inner.problem("high_freq_factor must be above low_freq_factor");
    }
  } else if (type != "default" && type != "dynamic") {
    inner.problem(cat("rope_type is \"", type, "\"; supported: default, linear, dynamic, llama3"));
  }
  read.take_problems(inner);
  return rope;
}

/// Refuses layers that see only the last `window` tokens, unless that is the whole context. `slides`: those
/// do from `first` on, where layer_types does not say which.
void check_window(ConfigReader& read, const ModelConfig& config, bool slides, std::int64_t window,
                  std::int64_t first) {
  if (const nlohmann::json* types = read.find("layer_types"); types != nullptr && types->is_array()) {
    slides = false;
    for (const nlohmann::json& type : *types) {
      if (type == "sliding_attention") {
        slides = true;
        first = 0;
      } else if (type != "full_attention") {
        read.problem(cat("layer_types has ",
                         type.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                         "; only full attention is supported"));
      }
    }
  }
  if (slides && window < config.context && first < config.layers) {
    read.problem(cat("sliding_window is ", window, " and there are layers that use it",
                     "; only full attention over the ", config.context, " positions is supported"));
  }
}

ModelConfig llama_like_config(const char* family, ConfigReader& read) {
  ModelConfig config{};
  config.family = family;
  config.vocabulary = read.size("vocab_size");
  config.context = read.size("max_position_embeddings");
  config.width = read.size("hidden_size");
  config.inner = read.size("intermediate_size");
  config.layers = read.size("num_hidden_layers");
  config.heads = read.size("num_attention_heads");
  config.kv_heads = read.size("num_key_value_heads", config.heads);
  config.head_dim = read.size("head_dim", std::max<std::int64_t>(1, config.width / config.heads));
  config.norm_epsilon = read.positive("rms_norm_eps", 1e-6, 1);
  config.tied_head = read.flag("tie_word_embeddings", false);
  config.scale_by_head_dim = true;
  config.activation = read.activation("hidden_act", "silu");
  config.rope = read_rope(read);
  config.end_tokens = read.token_ids("eos_token_id");
  if (config.heads % config.kv_heads != 0) {
    read.problem(cat("num_attention_heads ", config.heads, " is not a multiple of num_key_value_heads ",
                     config.kv_heads));
  }
  if (read.find("head_dim") == nullptr && config.width % config.heads != 0) {
    read.problem(
        cat("hidden_size ", config.width, " is not a multiple of num_attention_heads ", config.heads));
  }
  if (config.head_dim % 2 != 0)
    read.problem(cat("head_dim is ", config.head_dim, "; rotary positions need it even"));
  if (config.layers > 10000) {
    read.problem(cat("num_hidden_layers is ", config.layers, "; at most 10000 are expected"));
  }
  return config;
}

ModelConfig llama_config(const nlohmann::json& json) {
  ConfigReader read(json);
  ModelConfig config = llama_like_config("llama", read);
  config.attention_bias = config.attention_out_bias = read.flag("attention_bias", false);
  config.mlp_bias = read.flag("mlp_bias", false);
  // transformers' caches go by the key, whatever the model's class says of it.
  check_window(read, config, read.find("sliding_window") != nullptr,
               read.count("sliding_window", config.context), 0);
  read.finish();
  config.read_bsbr(json);
  return config;
}

ModelConfig qwen2_config(const nlohmann::json& json) {
  ConfigReader read(json);
  ModelConfig config = llama_like_config("qwen2", read);
  config.attention_bias = true;
  // The defaults are transformers'.
  const bool uses = read.flag("use_sliding_window", false);
  const bool none = uses && read.find("sliding_window") == nullptr && json.contains("sliding_window");
  check_window(read, config, uses && !none, uses && !none ? read.count("sliding_window", 4096) : 0,
               read.count("max_window_layers", 28));
  read.finish();
  config.read_bsbr(json);
  return config;
}

std::string prefix_of(const WeightLoader& loader) {
  return loader.prefix("model.", {"embed_tokens.weight", "norm.weight"});
}

void llama_expect(ModelConfig& config, WeightLoader& loader) {
  const std::string prefix = prefix_of(loader);
  const std::int64_t d = config.width;
  const auto linear = [&](const std::string& name, std::int64_t in, std::int64_t out, bool bias) {
    loader.expect(name + ".weight", {out, in});
    if (bias) loader.expect(name + ".bias", {out});
  };
  expect_embedding_and_head(config, loader, prefix + "embed_tokens.weight");
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = cat(prefix, "layers.", i, ".");
    loader.expect(layer + "input_layernorm.weight", {d});
    linear(layer + "self_attn.q_proj", d, config.heads * config.head_dim, config.attention_bias);
    linear(layer + "self_attn.k_proj", d, config.kv_heads * config.head_dim, config.attention_bias);
    linear(layer + "self_attn.v_proj", d, config.kv_heads * config.head_dim, config.attention_bias);
    linear(layer + "self_attn.o_proj", config.heads * config.head_dim, d, config.attention_out_bias);
    loader.expect(layer + "post_attention_layernorm.weight", {d});
    linear(layer + "mlp.gate_proj", d, config.inner, config.mlp_bias);
    linear(layer + "mlp.up_proj", d, config.inner, config.mlp_bias);
    linear(layer + "mlp.down_proj", config.inner, d, config.mlp_bias);
  }
  loader.expect(prefix + "norm.weight", {d});
}

DecoderWeights llama_weights(const ModelConfig& config, WeightLoader& loader) {
  const std::string prefix = prefix_of(loader);
  const auto norm = [&](const std::string& name) { return Norm{loader.take(name + ".weight"), {}}; };
  const auto linear = [&](const std::string& name, bool bias) {
    return Linear{loader.take(name + ".weight"), bias ? loader.take(name + ".bias") : at::Tensor()};
  };
  DecoderWeights weights;
  weights.token_embedding = loader.take(prefix + "embed_tokens.weight");
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = cat(prefix, "layers.", i, ".");
    const std::string attention = layer + "self_attn.";
    weights.layers.push_back({norm(layer + "input_layernorm"),
                              {linear(attention + "q_proj", config.attention_bias),
                               linear(attention + "k_proj", config.attention_bias),
                               linear(attention + "v_proj", config.attention_bias)},
                              linear(attention + "o_proj", config.attention_out_bias),
                              norm(layer + "post_attention_layernorm"),
                              linear(layer + "mlp.up_proj", config.mlp_bias),
                              linear(layer + "mlp.gate_proj", config.mlp_bias),
                              linear(layer + "mlp.down_proj", config.mlp_bias)});
  }
  weights.final_norm = norm(prefix + "norm");
  weights.head = config.tied_head ? weights.token_embedding : loader.take(kHead);
  return weights;
}

}  // namespace

constexpr const char* kContext = "max_position_embeddings";
const Family kLlama{"llama",       llama_config, llama_expect,
                    llama_weights, kContext,     [](const Checkpoint&) -> std::int64_t { return 2048; }};
const Family kQwen2{"qwen2",       qwen2_config, llama_expect,
                    llama_weights, kContext,     [](const Checkpoint&) -> std::int64_t { return 32768; }};

}  // namespace bsbr
