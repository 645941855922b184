#pragma once

#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// ModelConfig::from_json of a checkpoint's config.json, with what its other files add: the end tokens
/// (complete_end_tokens()), and a context that config.json lacks, from tokenizer_config.json or the family.
/// `warnings` begins with the checkpoint's. Throws as from_json does; errors name the file with its folder.
ModelConfig config_of(const Checkpoint& checkpoint);

}  // namespace bsbr
