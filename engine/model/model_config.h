#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/attention/bsbr_config.h"

namespace bsbr {

/// Feed-forward non-linearities, by HuggingFace's names: gelu_new (tanh form), gelu (exact), relu, silu.
enum class Activation { GeluNew, Gelu, Relu, Silu };

/// How the frequencies of rotary positions are scaled for long contexts.
enum class RopeType { Default, Linear, Llama3 };

struct RopeConfig {
  RopeType type = RopeType::Default;
  double theta = 10000;
  double factor = 1;                  ///< Linear, Llama3
  double low_frequency_factor = 1;    ///< Llama3
  double high_frequency_factor = 4;   ///< Llama3
  std::int64_t original_context = 0;  ///< Llama3: the context before scaling
};

/// What a decoder's config.json says, checked: every size is positive and they fit together.
struct ModelConfig {
  std::string family;       ///< model_type, e.g. "gpt2"
  std::int64_t vocabulary;  ///< rows of the token embedding
  std::int64_t context;     ///< longest sequence, in tokens
  std::int64_t width;       ///< of the residual stream
  std::int64_t inner;       ///< width of the feed-forward layer
  std::int64_t layers;
  std::int64_t heads;
  std::int64_t kv_heads;
  std::int64_t head_dim;
  Activation activation;
  double norm_epsilon;
  bool tied_head;                  ///< the head's weight is the token embedding: what config.json says until
                                   ///< the tensors are known (expect_embedding_and_head()), then what is so
  bool scale_by_head_dim;          ///< q·k is divided by √head_dim
  bool scale_by_layer;             ///< … and by (layer + 1)
  std::optional<RopeConfig> rope;  ///< rotary positions; without it positions are embedded
  bool attention_bias;             ///< of the projections to queries, keys and values
  bool attention_out_bias;
  bool mlp_bias;
  std::vector<std::int64_t> end_tokens;  ///< each ends a generated text
  std::optional<BsbrConfig> bsbr;        ///< of a converted checkpoint
  /// What a person should know of how it was read, a line each.
  std::vector<std::string> warnings;

  /// What q·k is multiplied by in a layer, counted from 0.
  [[nodiscard]] double attention_scale(std::int64_t layer) const;

  /// Takes the `bsbr` entry of a converted checkpoint, checked against the context.
  void read_bsbr(const nlohmann::json& json);

  /// Reads config.json of a supported family. Throws Error(InvalidFile) naming every bad value at once,
  /// Error(Unsupported) for another model_type.
  static ModelConfig from_json(const nlohmann::json& json);
};

}  // namespace bsbr
