#include <nlohmann/json.hpp>

#include "engine/model/config_reader.h"
#include "engine/model/decoder_weights.h"
#include "engine/model/family.h"
#include "engine/model/tied_head.h"
#include "engine/model/weight_loader.h"

/// GPT-2: https://huggingface.co/docs/transformers/model_doc/gpt2.
namespace bsbr {
namespace {

std::string prefix_of(const WeightLoader& loader) {
  return loader.prefix("transformer.", {"wte.weight", "ln_f.weight"});
}

ModelConfig gpt2_config(const nlohmann::json& json) {
  ConfigReader read(json);
  ModelConfig config{};
  config.family = "gpt2";
  config.vocabulary = read.size("vocab_size");
  config.context =
      read.size("n_positions", json.contains("n_ctx") ? read.size("n_ctx") : std::optional<std::int64_t>());
  config.width = read.size("n_embd");
  config.layers = read.size("n_layer");
  config.heads = read.size("n_head");
  config.inner = read.size("n_inner", 4 * config.width);
  config.kv_heads = config.heads;
  config.norm_epsilon = read.positive("layer_norm_epsilon", 1e-5, 1);
  config.tied_head = read.flag("tie_word_embeddings", true);
  config.scale_by_head_dim = read.flag("scale_attn_weights", true);
  config.scale_by_layer = read.flag("scale_attn_by_inverse_layer_idx", false);
  if (config.width % config.heads != 0) {
    read.problem(cat("n_embd ", config.width, " is not a multiple of n_head ", config.heads));
  } else {
    config.head_dim = config.width / config.heads;
  }
  if (config.layers > 10000) read.problem(cat("n_layer is ", config.layers, "; at most 10000 are expected"));
  if (read.flag("add_cross_attention", false))
    read.problem("add_cross_attention is true; only decoders are supported");
  config.activation = read.activation("activation_function", "gelu_new");
  config.attention_bias = config.attention_out_bias = config.mlp_bias = true;
  config.end_tokens = read.token_ids("eos_token_id");
  read.finish();
  config.read_bsbr(json);
  return config;
}

/// What transformers takes, if the checkpoint has so many positions.
std::int64_t gpt2_context(const Checkpoint& checkpoint) {
  constexpr std::int64_t kDefault = 1024;
  for (const char* name : {"transformer.wpe.weight", "wpe.weight"}) {
    const TensorView* table = checkpoint.find(name);
    if (table != nullptr && !table->shape.empty() && table->shape.front() == kDefault) return kDefault;
  }
  return 0;
}

void gpt2_expect(ModelConfig& config, WeightLoader& loader) {
  const std::string prefix = prefix_of(loader);
  const std::int64_t d = config.width;
  expect_embedding_and_head(config, loader, prefix + "wte.weight");
  loader.expect(prefix + "wpe.weight", {config.context, d});
  const auto expect_norm = [&](const std::string& name) {
    loader.expect(name + ".weight", {d});
    loader.expect(name + ".bias", {d});
  };
  const auto expect_linear = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    loader.expect(name + ".weight", {in, out});
    loader.expect(name + ".bias", {out});
  };
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = cat(prefix, "h.", i, ".");
    expect_norm(layer + "ln_1");
    expect_linear(layer + "attn.c_attn", d, 3 * d);
    expect_linear(layer + "attn.c_proj", d, d);
    expect_norm(layer + "ln_2");
    expect_linear(layer + "mlp.c_fc", d, config.inner);
    expect_linear(layer + "mlp.c_proj", config.inner, d);
  }
  expect_norm(prefix + "ln_f");
}

DecoderWeights gpt2_weights(const ModelConfig& config, WeightLoader& loader) {
  const std::string prefix = prefix_of(loader);
  const auto norm = [&](const std::string& name) {
    return Norm{loader.take(name + ".weight"), loader.take(name + ".bias")};
  };
  // GPT-2 stores its projections [in, out] (Conv1D).
  const auto linear = [&](const std::string& name) {
    return Linear{loader.take(name + ".weight").t(), loader.take(name + ".bias")};
  };
  DecoderWeights weights;
  weights.token_embedding = loader.take(prefix + "wte.weight");
  weights.position_embedding = loader.take(prefix + "wpe.weight");
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = cat(prefix, "h.", i, ".");
    weights.layers.push_back({norm(layer + "ln_1"),
                              {linear(layer + "attn.c_attn")},
                              linear(layer + "attn.c_proj"),
                              norm(layer + "ln_2"),
                              linear(layer + "mlp.c_fc"),
                              {},
                              linear(layer + "mlp.c_proj")});
  }
  weights.final_norm = norm(prefix + "ln_f");
  weights.head = config.tied_head ? weights.token_embedding : loader.take(kHead);
  return weights;
}

}  // namespace

const Family kGpt2{"gpt2", gpt2_config, gpt2_expect, gpt2_weights, "n_positions", gpt2_context};

}  // namespace bsbr
