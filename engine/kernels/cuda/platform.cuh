#pragma once

// What the kernels use of CUDA. Tests compile the same kernels as C++ (tests/support/cuda_emulator.h).
#ifdef BSBR_CUDA_EMULATED
#include "tests/support/cuda_emulator.h"
#else
#include <cuda_fp16.h>

#include <utility>

namespace bsbr::cuda {

inline __device__ char* shared_memory() {
  extern __shared__ float4 dynamic_shared[];
  return reinterpret_cast<char*>(dynamic_shared);
}

inline __device__ float half_to_float(unsigned short bits) {
  return __half2float(__ushort_as_half(bits));
}
inline __device__ unsigned short float_to_half(float x) {
  return __half_as_ushort(__float2half_rn(x));
}

/// Enqueues a kernel with `shared` bytes of dynamic shared memory; returns 0 or a cudaError_t.
template <class... Parameters, class... Arguments>
int launch(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t shared, void* stream,
           const Arguments&... arguments) {
  constexpr std::size_t kGrantedAnyway = 48 << 10;
  if (shared > kGrantedAnyway) {
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    if (error != cudaSuccess) return error;
  }
  kernel<<<grid, threads, shared, static_cast<cudaStream_t>(stream)>>>(arguments...);
  return cudaGetLastError();
}

}  // namespace bsbr::cuda
#endif
