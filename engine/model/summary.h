#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// What a checkpoint is, found without reading its weights.
struct CheckpointSummary {
  ModelConfig config;
  std::int64_t parameters;            ///< elements of the model's tensors; a tied head counts once
  std::string dtype;                  ///< of the weights, e.g. "F16"; several joined by "+"
  std::uint64_t bytes;                ///< of all stored tensors
  std::vector<std::string> warnings;  ///< what a person should know of it, a line each

  /// family, parameters, layers, heads, kv_heads, context, vocab, dtype, bytes, bsbr (null or its settings).
  [[nodiscard]] nlohmann::json to_json() const;
};

/// Throws as LanguageModel::load does for a config or tensors that do not fit.
CheckpointSummary summarize(const Checkpoint& checkpoint);

}  // namespace bsbr
