#pragma once

#include <nlohmann/json_fwd.hpp>

#include "engine/model/model_config.h"

namespace bsbr {

struct DecoderWeights;
class WeightLoader;

/// GPT-2's config.json (https://huggingface.co/docs/transformers/model_doc/gpt2). Throws as
/// ModelConfig::from_json.
ModelConfig gpt2_config(const nlohmann::json& json);

/// GPT-2's tensors by their names in HuggingFace checkpoints, with or without the prefix "transformer.".
/// Throws Error(InvalidFile | Unsupported) naming all tensors that are missing, unknown or of a wrong shape
/// at once.
DecoderWeights gpt2_weights(const ModelConfig& config, WeightLoader& loader);

}  // namespace bsbr
