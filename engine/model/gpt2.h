#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/model/model_config.h"

namespace bsbr {

struct DecoderWeights;
class WeightLoader;

/// GPT-2's config.json (https://huggingface.co/docs/transformers/model_doc/gpt2). Throws as
/// ModelConfig::from_json.
ModelConfig gpt2_config(const nlohmann::json& json);

/// Tells the loader which tensors GPT-2 has, by their names in HuggingFace checkpoints, with or without the
/// prefix "transformer.".
void gpt2_expect(const ModelConfig& config, WeightLoader& loader);

/// Takes what gpt2_expect() named, after WeightLoader::check().
DecoderWeights gpt2_weights(const ModelConfig& config, WeightLoader& loader);

}  // namespace bsbr
