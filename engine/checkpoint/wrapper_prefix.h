#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// Takes the prefixes off that wrappers of a whole model put before the names of all tensors when they are
/// saved: "module." (torch.nn.DataParallel), "_orig_mod." (torch.compile) and the like, nested too. The names
/// stay different. Returns what was taken off, "" if nothing.
std::string strip_wrapper_prefixes(std::vector<TensorView>& tensors);

}  // namespace bsbr
