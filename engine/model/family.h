#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/model/model_config.h"

namespace bsbr {

class Checkpoint;
struct DecoderWeights;
class WeightLoader;

/// A model family: how its config.json and its tensors are read. Each has a file of its own.
struct Family {
  const char* model_type;
  /// Throws as ModelConfig::from_json.
  ModelConfig (*config)(const nlohmann::json& json);
  /// Tells the loader which tensors there are, by their names in HuggingFace checkpoints, with or without the
  /// prefix of the inner model, and settles `tied_head`.
  void (*expect)(ModelConfig& config, WeightLoader& loader);
  /// Takes what expect() named, after WeightLoader::check().
  DecoderWeights (*weights)(const ModelConfig& config, WeightLoader& loader);
  /// The key of config.json that says how long a sequence may be.
  const char* context_key;
  /// What transformers takes without it; 0: it is needed.
  std::int64_t (*default_context)(const Checkpoint& checkpoint);
};

extern const Family kGpt2;
extern const Family kLlama;
extern const Family kQwen2;

/// The family of that model_type. Throws Error(Unsupported) that lists what there is.
const Family& find_family(const std::string& model_type);

}  // namespace bsbr
