#include <cuda_runtime_api.h>

#include <cstdio>

#include "engine/kernels/cuda/kernels.h"
#include "engine/kernels/cuda/platform.cuh"

namespace bsbr::cuda {
namespace {

int describe(int device, char* text, std::size_t size) {
  cudaDeviceProp properties{};
  const int error = taken(cudaGetDeviceProperties(&properties, device));
  if (error != 0) return error;
  std::snprintf(text, size, "%s (sm_%d%d, %d multiprocessors)", properties.name, properties.major,
                properties.minor, properties.multiProcessorCount);
  return 0;
}

const char* error_text(int error) {
  return cudaGetErrorString(static_cast<cudaError_t>(error));
}

}  // namespace
}  // namespace bsbr::cuda

extern "C" __attribute__((visibility("default"))) const bsbr::cuda::Interface* bsbr_cuda_interface() {
  using namespace bsbr::cuda;
  static const Interface interface{kInterfaceVersion, append,   add_queries,  condense,       read_near,
                                   choose,            read_far, least_shared, granted_shared, describe,
                                   error_text};
  return &interface;
}
