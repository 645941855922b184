#pragma once

#include "engine/kernels/cuda/platform.cuh"

/// What threads of a warp or of a block do together. All of them have to call these.
namespace bsbr::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAll = 0xffffffffU;

inline __device__ float never() {
  return __uint_as_float(0xff800000U);  // -infinity
}

inline __device__ float warp_sum(float x) {
  for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(kAll, x, step);
  return x;
}
inline __device__ float warp_max(float x) {
  for (int step = kWarp / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kAll, x, step));
  return x;
}
inline __device__ unsigned long long warp_min(unsigned long long x) {
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const unsigned long long other = __shfl_xor_sync(kAll, x, step);
    x = other < x ? other : x;
  }
  return x;
}

/// Folds a value of every thread into one, for all of them; `work` [warps] is shared memory.
template <class T, class OfWarp, class OfTwo>
__device__ T block_fold(T x, T* work, const OfWarp& of_warp, const OfTwo& of_two) {
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  x = of_warp(x);
  if (threadIdx.x % kWarp == 0) work[threadIdx.x / kWarp] = x;
  __syncthreads();
  x = work[0];
  for (int w = 1; w < warps; ++w) x = of_two(x, work[w]);
  __syncthreads();
  return x;
}
inline __device__ float block_sum(float x, float* work) {
  return block_fold(
      x, work, [](float y) { return warp_sum(y); }, [](float a, float b) { return a + b; });
}
inline __device__ float block_max(float x, float* work) {
  return block_fold(
      x, work, [](float y) { return warp_max(y); }, [](float a, float b) { return fmaxf(a, b); });
}
inline __device__ unsigned long long block_min(unsigned long long x, unsigned long long* work) {
  return block_fold(
      x, work, [](unsigned long long y) { return warp_min(y); },
      [](unsigned long long a, unsigned long long b) { return b < a ? b : a; });
}

}  // namespace bsbr::cuda
