#include "tests/support/emulated_kernels.h"

#include <cstdio>

#include "engine/kernels/cuda/kernels.h"
#include "tests/support/cuda_emulator.h"

namespace bsbr::cuda {

const Interface& emulated_kernels() {
  static const Interface interface {
    kInterfaceVersion, append, add_queries, condense, read_near, choose, read_far, least_shared,
        [](int /*device*/, std::size_t& bytes) {
          bytes = cuda_emulator::granted_shared();
          return 0;
        },
        [](int /*device*/, char* text, std::size_t size) {
          std::snprintf(text, size, "emulated");
          return 0;
        },
        [](int /*error*/) { return "emulated"; }
  };
  return interface;
}

GrantedShared::GrantedShared(std::size_t bytes) : before_(cuda_emulator::granted_shared()) {
  cuda_emulator::set_granted_shared(bytes);
}

GrantedShared::~GrantedShared() {
  cuda_emulator::set_granted_shared(before_);
}

}  // namespace bsbr::cuda
