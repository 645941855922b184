#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>

/// What engine/kernels/cuda uses of CUDA, as C++: the kernels run on the CPU, where every thread of a block
/// is a fiber (cuda_emulator.cpp). Stricter than a GPU: a thread that ends or does something else while
/// others wait for it is a failure, shared memory is filled with NaN before each block, and fibers run in an
/// order that differs from block to block, so that a missing barrier shows.
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct dim3 {
  unsigned x, y, z;
  explicit dim3(unsigned the_x = 1, unsigned the_y = 1, unsigned the_z = 1) : x(the_x), y(the_y), z(the_z) {}
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

namespace cuda_emulator {

/// What a collective does; all of its threads must do the same.
enum class Collective { SyncBlock, SyncWarp, Exchange, BlockOr };

extern dim3 thread_index, block_index, block_size, grid_size;

/// Runs the body once for each thread of each block. Ends the program where threads wait for each other for
/// ever, or for one that ended.
void run(dim3 grid, int threads, std::size_t shared_bytes, const std::function<void()>& body);
char* shared_bytes();

/// What the emulated GPU grants to a thread block, in bytes: as sm_80 unless a test says otherwise. Kernels
/// that ask for more are refused with an error, as CUDA does.
void set_granted_shared(std::size_t bytes);
std::size_t granted_shared();
/// Whether a kernel has been allowed `shared` bytes; if not, notes cudaErrorInvalidValue as the last error.
bool may_launch(const void* kernel, std::size_t shared);
/// Allows a kernel so many bytes, or returns an error.
int allow_shared(const void* kernel, std::size_t bytes);

/// Leaves `value` and waits for the other threads of the warp or block; returns what all of them left, by
/// lane or thread.
const std::uint64_t* meet(Collective what, std::uint64_t value);

inline unsigned lane() {
  return thread_index.x % 32;
}
template <class T>
T shuffle(T x, unsigned from) {
  std::uint64_t bits = 0;
  static_assert(sizeof(T) <= sizeof(bits));
  __builtin_memcpy(&bits, &x, sizeof(T));
  const std::uint64_t* all = meet(Collective::Exchange, bits);
  __builtin_memcpy(&x, all + from, sizeof(T));
  return x;
}

}  // namespace cuda_emulator

/// Of the CUDA runtime: each call that fails leaves its error to cudaGetLastError too, which takes it away.
using cudaError_t = int;
constexpr cudaError_t cudaSuccess = 0, cudaErrorInvalidValue = 1;
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaDeviceAttr { cudaDevAttrMaxSharedMemoryPerBlockOptin };

cudaError_t cudaGetLastError();
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute /*attribute*/, int bytes) {
  return cuda_emulator::allow_shared(reinterpret_cast<const void*>(kernel), static_cast<std::size_t>(bytes));
}

#define threadIdx cuda_emulator::thread_index
#define blockIdx cuda_emulator::block_index
#define blockDim cuda_emulator::block_size
#define gridDim cuda_emulator::grid_size

inline void __syncthreads() {
  cuda_emulator::meet(cuda_emulator::Collective::SyncBlock, 0);
}
inline int __syncthreads_or(int predicate) {
  const std::uint64_t* all = cuda_emulator::meet(cuda_emulator::Collective::BlockOr, predicate != 0 ? 1 : 0);
  return std::any_of(all, all + blockDim.x, [](std::uint64_t x) { return x != 0; }) ? 1 : 0;
}
inline void __syncwarp() {
  cuda_emulator::meet(cuda_emulator::Collective::SyncWarp, 0);
}
template <class T>
T __shfl_sync(unsigned /*mask*/, T x, int from) {
  return cuda_emulator::shuffle(x, static_cast<unsigned>(from) % 32);
}
template <class T>
T __shfl_xor_sync(unsigned /*mask*/, T x, int with) {
  return cuda_emulator::shuffle(x, cuda_emulator::lane() ^ static_cast<unsigned>(with));
}
template <class T>
T __shfl_up_sync(unsigned /*mask*/, T x, unsigned by) {
  return cuda_emulator::shuffle(
      x, cuda_emulator::lane() < by ? cuda_emulator::lane() : cuda_emulator::lane() - by);
}
inline unsigned __ballot_sync(unsigned /*mask*/, int predicate) {
  const std::uint64_t* all = cuda_emulator::meet(cuda_emulator::Collective::Exchange, predicate != 0 ? 1 : 0);
  unsigned ballot = 0;
  for (unsigned i = 0; i < 32; ++i) ballot |= static_cast<unsigned>(all[i]) << i;
  return ballot;
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
template <class T>
T atomicAdd(T* at, T x) {
  const T before = *at;
  *at += x;
  return before;
}
inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}
inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
inline float __fmul_rn(float x, float y) {
  return x * y;
}
inline float __fadd_rn(float x, float y) {
  return x + y;
}
inline float __fsub_rn(float x, float y) {
  return x - y;
}

namespace bsbr::cuda {

using std::max;
using std::min;

inline char* shared_memory() {
  return cuda_emulator::shared_bytes();
}
inline float half_to_float(unsigned short bits) {
  return static_cast<float>(std::bit_cast<_Float16>(bits));
}
inline unsigned short float_to_half(float x) {
  return std::bit_cast<unsigned short>(static_cast<_Float16>(x));
}

/// d += a · b of a warp's threads, who have the parts that CUDA's mma.m16n8k16 gives each.
template <class ToFloat>
void add_product(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], const ToFloat& to_float) {
  std::uint64_t left[3][32];
  const std::uint64_t own[3] = {a[0] | std::uint64_t{a[1]} << 32, a[2] | std::uint64_t{a[3]} << 32,
                                b[0] | std::uint64_t{b[1]} << 32};
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t* all = cuda_emulator::meet(cuda_emulator::Collective::Exchange, own[i]);
    std::copy_n(all, 32, left[i]);
  }
  const auto element = [&](const std::uint64_t* words, unsigned thread, unsigned word, unsigned k) {
    return to_float(static_cast<unsigned short>(words[thread] >> (32 * word + 16 * (k % 2))));
  };
  const unsigned row = cuda_emulator::lane() / 4, column = cuda_emulator::lane() % 4 * 2;
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned place = k % 8 / 2;
      d[i] += element(left[k / 8], row * 4 + place, i / 2, k) *
              element(left[2], (column + i % 2) * 4 + place, k / 8, k);
    }
  }
}
inline void add_product_of_halves(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  add_product(d, a, b, half_to_float);
}
inline void add_product_of_bfloats(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  add_product(d, a, b, [](unsigned short bits) { return std::bit_cast<float>(unsigned{bits} << 16); });
}

template <class... Parameters, class... Arguments>
void enqueue(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t shared, void* /*stream*/,
             const Arguments&... arguments) {
  const auto* function = reinterpret_cast<const void*>(kernel);
  if (cuda_emulator::may_launch(function, shared))
    cuda_emulator::run(grid, threads, shared, [&] { kernel(arguments...); });
}

}  // namespace bsbr::cuda
