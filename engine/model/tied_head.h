#pragma once

#include <string>

#include "engine/model/model_config.h"

namespace bsbr {

class WeightLoader;

inline constexpr const char* kHead = "lm_head.weight";

/// Expects the token embedding and the head, [vocabulary, width], and settles `config.tied_head`: what is
/// stored goes before what config.json says, as in transformers 5 (modeling_utils.py, tie_weights). Two
/// tensors of different values are two, with a warning where config.json ties them. One tensor is both,
/// under either name, with a warning where config.json does not tie them: there is nothing else that it could
/// mean, and llama.cpp reads it so.
void expect_embedding_and_head(ModelConfig& config, WeightLoader& loader, const std::string& embedding);

}  // namespace bsbr
