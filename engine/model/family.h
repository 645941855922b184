#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/model/model_config.h"

namespace bsbr {

struct DecoderWeights;
class WeightLoader;

/// A model family: how its config.json and its tensors are read. Each has a file of its own.
struct Family {
  const char* model_type;
  /// Throws as ModelConfig::from_json.
  ModelConfig (*config)(const nlohmann::json& json);
  /// Tells the loader which tensors there are, by their names in HuggingFace checkpoints, with or without the
  /// prefix of the inner model.
  void (*expect)(const ModelConfig& config, WeightLoader& loader);
  /// Takes what expect() named, after WeightLoader::check().
  DecoderWeights (*weights)(const ModelConfig& config, WeightLoader& loader);
};

extern const Family kGpt2;
extern const Family kLlama;
extern const Family kQwen2;

/// The family of that model_type. Throws Error(Unsupported) that lists what there is.
const Family& find_family(const std::string& model_type);

}  // namespace bsbr
