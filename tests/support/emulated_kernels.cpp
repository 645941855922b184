#include "tests/support/emulated_kernels.h"

#include "engine/kernels/cuda/kernels.h"

namespace bsbr::cuda {

const Interface& emulated_kernels() {
  static const Interface interface{
      kInterfaceVersion, append, add_queries, condense, read_near, choose, read_far,
      [](int /*error*/) { return "emulated"; }};
  return interface;
}

}  // namespace bsbr::cuda
