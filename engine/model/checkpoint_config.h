#pragma once

#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// ModelConfig::from_json of a checkpoint's config.json; errors name the file with its folder.
ModelConfig config_of(const Checkpoint& checkpoint);

}  // namespace bsbr
