#include <cuda_runtime_api.h>

#include "engine/kernels/cuda/kernels.h"

extern "C" __attribute__((visibility("default"))) const bsbr::cuda::Interface* bsbr_cuda_interface() {
  static const bsbr::cuda::Interface interface{
      bsbr::cuda::kInterfaceVersion, bsbr::cuda::append, bsbr::cuda::add_queries, bsbr::cuda::condense,
      bsbr::cuda::read_near,         bsbr::cuda::choose, bsbr::cuda::read_far,    [](int error) {
        return cudaGetErrorString(static_cast<cudaError_t>(error));
      }};
  return &interface;
}
