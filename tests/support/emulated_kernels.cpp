#include "tests/support/emulated_kernels.h"

#include <cstdio>

#include "engine/kernels/cuda/kernels.h"

namespace bsbr::cuda {

const Interface& emulated_kernels() {
  static const Interface interface {
    kInterfaceVersion, append, add_queries, condense, read_near, choose, read_far,
        [](int /*device*/, char* text, std::size_t size) {
          std::snprintf(text, size, "emulated");
          return 0;
        },
        [](int /*error*/) { return "emulated"; }
  };
  return interface;
}

}  // namespace bsbr::cuda
