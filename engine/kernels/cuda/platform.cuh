#pragma once

#include <cstddef>

// What the kernels use of CUDA. Tests compile the same kernels as C++ (tests/support/cuda_emulator.h).
#ifdef BSBR_CUDA_EMULATED
#include "tests/support/cuda_emulator.h"
#else
#include <cuda_fp16.h>

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

/// d += a · b on the tensor cores, for the threads of a warp together: a [16, 16] and b [16, 8] of two
/// elements a word, d [16, 8]. Thread t has of a the rows t / 4 and t / 4 + 8 (words 0 and 1) at columns t %
/// 4 · 2 and the next, and the same 8 columns on (words 2 and 3); of b the column t / 4 at rows t % 4 · 2 and
/// the next, and 8 rows on; of d the rows t / 4 and, as elements 2 and 3, t / 4 + 8 at columns t % 4 · 2 and
/// the next.
inline __device__ void add_product_of_halves(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
inline __device__ void add_product_of_bfloats(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

template <class... Parameters, class... Arguments>
void enqueue(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t shared, void* stream,
             const Arguments&... arguments) {
  kernel<<<grid, threads, shared, static_cast<cudaStream_t>(stream)>>>(arguments...);
}

}  // namespace bsbr::cuda
#endif

namespace bsbr::cuda {

/// The error of a call of the runtime, which also keeps it for whoever asks next: nobody shall be told of it twice.
inline int taken(cudaError_t error) {
  if (error != cudaSuccess) (void)cudaGetLastError();
  return error;
}

/// Sets `bytes` to the shared memory that a device grants to one thread block; returns 0 or a cudaError_t.
inline int granted_shared(int device, std::size_t& bytes) {
  int granted = 0;
  const int error =
      taken(cudaDeviceGetAttribute(&granted, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  if (error == 0) bytes = static_cast<std::size_t>(granted);
  return error;
}
/// The same of the device that kernels are enqueued on.
inline int granted_shared(std::size_t& bytes) {
  int device = 0;
  const int error = taken(cudaGetDevice(&device));
  return error != 0 ? error : granted_shared(device, bytes);
}

/// Enqueues a kernel with `shared` bytes of dynamic shared memory; returns 0 or a cudaError_t.
template <class... Parameters, class... Arguments>
int launch(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t shared, void* stream,
           const Arguments&... arguments) {
  constexpr std::size_t kGrantedAnyway = 48 << 10;
  if (shared > kGrantedAnyway) {
    const int error = taken(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)));
    if (error != 0) return error;
  }
  enqueue(kernel, grid, threads, shared, stream, arguments...);
  return cudaGetLastError();
}

}  // namespace bsbr::cuda
