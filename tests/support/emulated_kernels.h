#pragma once

#include "engine/kernels/cuda/interface.h"

namespace bsbr::cuda {

/// The CUDA kernels on the CPU (cuda_emulator.h); pointers are the host's. Not thread-safe.
const Interface& emulated_kernels();

}  // namespace bsbr::cuda
