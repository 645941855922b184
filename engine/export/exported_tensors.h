#pragma once

#include <vector>

#include "engine/checkpoint/checkpoint.h"

namespace bsbr {

/// Those tensors of a checkpoint that its model is made of, sorted by name: what an export holds. Others,
/// such as a value head, surplus layers or masks that older programs stored, are left out. Throws as
/// config_of does.
std::vector<TensorView> exported_tensors(const Checkpoint& source);

}  // namespace bsbr
