#pragma once

#include <string>

#include "engine/attention/bsbr_config.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// README.md of a converted checkpoint, with the front matter that the HuggingFace hub reads.
std::string model_card(const Checkpoint& source, const ModelConfig& model, const BsbrConfig& bsbr);

}  // namespace bsbr
