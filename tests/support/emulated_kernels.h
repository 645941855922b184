#pragma once

#include "engine/kernels/cuda/interface.h"

namespace bsbr::cuda {

/// The CUDA kernels on the CPU (cuda_emulator.h); pointers are the host's. Not thread-safe.
const Interface& emulated_kernels();

/// While it lives the emulated GPU grants a thread block so many bytes of shared memory, and no kernel has
/// been allowed more than any has.
class GrantedShared {
 public:
  explicit GrantedShared(std::size_t bytes);
  GrantedShared(const GrantedShared&) = delete;
  GrantedShared& operator=(const GrantedShared&) = delete;
  ~GrantedShared();

 private:
  std::size_t before_;
};

}  // namespace bsbr::cuda
