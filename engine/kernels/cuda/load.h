#pragma once

#include "engine/kernels/cuda/interface.h"

namespace bsbr::cuda {

/// The CUDA kernels, from libbsbr_cuda.so beside the program, or where the system looks for libraries; opened
/// when they are first asked for, and kept open. Throws Error(Device) if they cannot be, or are of another
/// version. Thread-safe.
const Interface& load_kernels();

}  // namespace bsbr::cuda
