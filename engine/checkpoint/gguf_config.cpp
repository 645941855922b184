#include "engine/checkpoint/gguf_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "engine/checkpoint/gguf_kind.h"
#include "engine/checkpoint/gguf_rope.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

using nlohmann::json;

constexpr std::int64_t kMost = 2147483647;

/// The number that a person wrote before it was stored as float32: 1e-5, not 9.99999975e-06.
double as_written(double value) {
  const auto narrow = static_cast<float>(value);
  if (double{narrow} != value || !std::isfinite(value)) return value;
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), narrow).ptr;
  double out = value;
  std::from_chars(text.data(), end, out);
  return out;
}

/// Reads the keys "<architecture>.…".
class Keys {
 public:
  Keys(const GgufFile& file, std::string architecture)
      : file_(file), prefix_(std::move(architecture) + ".") {}

  template <class T>
  [[nodiscard]] const T* get(std::string_view key) const {
    return file_.get<T>(prefix_ + std::string(key));
  }
  [[nodiscard]] std::int64_t size(std::string_view key, std::optional<std::int64_t> fallback = {}) const {
    const auto found = optional_size(key);
    if (!found && !fallback) fail(key, "is missing");
    return found ? *found : *fallback;
  }
  [[nodiscard]] std::optional<std::int64_t> optional_size(std::string_view key) const {
    const auto* const value = get<std::int64_t>(key);
    if (value == nullptr) return std::nullopt;
    if (*value < 1 || *value > kMost) {
      fail(key, cat("is ", *value, "; an integer from 1 to ", kMost, " is expected"));
    }
    return *value;
  }
  [[nodiscard]] double positive(std::string_view key, std::optional<double> fallback = {}) const {
    const auto* const value = get<double>(key);
    if (value == nullptr && !fallback) fail(key, "is missing");
    if (value == nullptr) return *fallback;
    if (!(*value > 0) || !std::isfinite(*value))
      fail(key, cat("is ", *value, "; a number above 0 is expected"));
    return as_written(*value);
  }
  [[nodiscard]] std::string text(std::string_view key, const std::string& fallback) const {
    const auto* const value = get<std::string>(key);
    return value == nullptr ? fallback : *value;
  }
  [[nodiscard]] bool has(std::string_view key) const {
    return file_.metadata().contains(prefix_ + std::string(key));
  }

  [[noreturn]] void fail(std::string_view key, const std::string& what,
                         ErrorKind kind = ErrorKind::InvalidFile) const {
    throw Error(kind,
                cat(file_.path().string(), ": metadata ", in_quotes(prefix_ + std::string(key)), ": ", what));
  }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

/// [vocabulary, width] of the token embedding.
const std::vector<std::int64_t>& embedding_shape(const GgufFile& file, std::int64_t width) {
  const GgufTensor* const embedding = file.find("token_embd.weight");
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::InvalidFile, cat(file.path().string(), ": tensor \"token_embd.weight\"", what));
  };
  if (embedding == nullptr) fail(" is missing: the file holds no weights of a language model");
  if (embedding->shape.size() != 2 || embedding->shape[1] != width) {
    fail(cat(": is not a table of rows of ", width, " values, the embedding_length"));
  }
  return embedding->shape;
}

void add_token_ids(const GgufFile& file, json& config, std::vector<std::string>& warnings) {
  static constexpr std::array<std::pair<const char*, const char*>, 3> kIds{
      {{"bos_token_id", "tokenizer.ggml.bos_token_id"},
       {"eos_token_id", "tokenizer.ggml.eos_token_id"},
       {"pad_token_id", "tokenizer.ggml.padding_token_id"}}};
  const auto vocabulary = config["vocab_size"].get<std::int64_t>();
  for (const auto& [ours, theirs] : kIds) {
    const auto at = file.metadata().find(theirs);
    if (at == file.metadata().end()) continue;
    const bool large = std::holds_alternative<std::uint64_t>(at->second);
    const std::int64_t id = large ? kMost + 1 : *file.get<std::int64_t>(theirs);
    if (id >= 0 && id < vocabulary) {
      config[ours] = id;
    } else {
      warnings.push_back(cat(file.path().string(), ": metadata ", in_quotes(theirs), ": is ",
                             large ? "above 2^63-1" : std::to_string(id),
                             ", which is no token id; it is left out"));
    }
  }
}

/// Null without scaling.
json rope_scaling(const Keys& keys, const std::optional<Llama3Scaling>& llama3) {
  const std::string type = keys.text("rope.scaling.type", keys.has("rope.scale_linear") ? "linear" : "none");
  if (llama3) {
    if (type != "none") {
      keys.fail("rope.scaling.type",
                cat("is ", in_quotes(type), ", but the tensor ", in_quotes(kRopeFactors),
                    " scales rotary positions too; only one of them is supported"),
                ErrorKind::Unsupported);
    }
    return {{"rope_type", "llama3"},
            {"factor", as_written(llama3->factor)},
            {"low_freq_factor", Llama3Scaling::low},
            {"high_freq_factor", Llama3Scaling::high},
            {"original_max_position_embeddings", llama3->context}};
  }
  if (type == "none") return nullptr;
  if (type != "linear") {
    keys.fail("rope.scaling.type", cat("is ", in_quotes(type), "; none and linear are supported"),
              ErrorKind::Unsupported);
  }
  const double factor =
      keys.positive(keys.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear");
  return {{"rope_type", "linear"}, {"factor", factor}};
}

void check_heads(const Keys& keys, std::int64_t width, const GgufModelShape& shape) {
  if (shape.heads % shape.kv_heads != 0) {
    keys.fail("attention.head_count", cat("is ", shape.heads, ", which is not a multiple of the ",
                                          shape.kv_heads, " key-value heads"));
  }
  if (shape.head_dim * shape.heads != width && !keys.has("attention.key_length")) {
    keys.fail("embedding_length",
              cat("is ", width, ", which is not a multiple of the ", shape.heads, " heads"));
  }
}

json llama_config(const GgufFile& file, const Keys& keys, GgufModelShape& shape) {
  const std::int64_t width = keys.size("embedding_length");
  shape.heads = keys.size("attention.head_count");
  shape.kv_heads = keys.size("attention.head_count_kv", shape.heads);
  shape.head_dim = keys.size("attention.key_length", std::max<std::int64_t>(width / shape.heads, 1));
  check_heads(keys, width, shape);
  const auto same = [&](const char* key) {
    const std::int64_t value = keys.size(key, shape.head_dim);
    if (value == shape.head_dim) return;
    keys.fail(key,
              cat("is ", value, ", but heads have ", shape.head_dim,
                  " dimensions; a different number is not "
                  "supported"),
              ErrorKind::Unsupported);
  };
  same("attention.value_length");
  same("rope.dimension_count");
  if (shape.head_dim % 2 != 0) {
    keys.fail("embedding_length", cat("gives heads of ", shape.head_dim,
                                      " dimensions, which cannot be rotated in "
                                      "pairs"));
  }
  if (const auto* const experts = keys.get<std::int64_t>("expert_count");
      experts != nullptr && *experts != 0) {
    keys.fail("expert_count", cat("is ", *experts, "; mixtures of experts are not supported"),
              ErrorKind::Unsupported);
  }
  const bool llama = shape.architecture == "llama";
  const double theta = keys.positive("rope.freq_base", 10000.0);
  json config{{"model_type", shape.architecture},
              {"architectures", json::array({llama ? "LlamaForCausalLM" : "Qwen2ForCausalLM"})},
              {"vocab_size", embedding_shape(file, width)[0]},
              {"hidden_size", width},
              {"intermediate_size", keys.size("feed_forward_length")},
              {"num_hidden_layers", keys.size("block_count")},
              {"num_attention_heads", shape.heads},
              {"num_key_value_heads", shape.kv_heads},
              {"head_dim", shape.head_dim},
              {"hidden_act", "silu"},
              {"max_position_embeddings", keys.size("context_length")},
              {"rms_norm_eps", keys.positive("attention.layer_norm_rms_epsilon")},
              {"rope_theta", theta},
              {"rope_scaling", rope_scaling(keys, read_rope_factors(file, shape.head_dim, theta))}};
  if (llama) {
    config["attention_bias"] = file.find("blk.0.attn_q.bias") != nullptr;
    config["mlp_bias"] = file.find("blk.0.ffn_up.bias") != nullptr;
  } else {
    config["use_sliding_window"] = false;
  }
  return config;
}

json gpt2_config(const GgufFile& file, const Keys& keys, GgufModelShape& shape) {
  const std::int64_t width = keys.size("embedding_length");
  shape.heads = shape.kv_heads = keys.size("attention.head_count");
  shape.head_dim = width / shape.heads;
  check_heads(keys, width, shape);
  const std::int64_t context = keys.size("context_length");
  return {{"model_type", "gpt2"},
          {"architectures", json::array({"GPT2LMHeadModel"})},
          {"vocab_size", embedding_shape(file, width)[0]},
          {"n_embd", width},
          {"n_inner", keys.size("feed_forward_length", 4 * width)},
          {"n_layer", keys.size("block_count")},
          {"n_head", shape.heads},
          {"n_positions", context},
          {"n_ctx", context},
          {"activation_function", "gelu_new"},
          {"layer_norm_epsilon", keys.positive("attention.layer_norm_epsilon", 1e-5)}};
}

}  // namespace

json gguf_config(const GgufFile& file, bool tied, GgufModelShape& shape) {
  refuse_other_gguf(file);
  const std::string where = file.path().string() + ": ";
  const auto* const architecture = file.get<std::string>("general.architecture");
  if (architecture == nullptr) {
    throw Error(ErrorKind::InvalidFile, where + "metadata \"general.architecture\": is missing");
  }
  if (*architecture != "llama" && *architecture != "qwen2" && *architecture != "gpt2") {
    throw Error(ErrorKind::Unsupported,
                cat(where, "is a model of the architecture ", in_quotes(*architecture),
                    "; llama, qwen2 and gpt2 are supported"));
  }
  shape.architecture = *architecture;
  const Keys keys(file, *architecture);
  json config = *architecture == "gpt2" ? gpt2_config(file, keys, shape) : llama_config(file, keys, shape);
  config["tie_word_embeddings"] = tied;
  config["torch_dtype"] = "float32";
  add_token_ids(file, config, shape.warnings);
  return config;
}

}  // namespace bsbr
