#pragma once

#include "engine/kernels/cuda/interface.h"
#include "engine/kernels/cuda/platform.cuh"

namespace bsbr::cuda {

struct Half {
  unsigned short bits;
};
struct Bfloat16 {
  unsigned short bits;
};

inline __device__ float to_float(float x) {
  return x;
}
inline __device__ float to_float(Half x) {
  return half_to_float(x.bits);
}
inline __device__ float to_float(Bfloat16 x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

template <class T>
__device__ T from_float(float x);
template <>
inline __device__ float from_float<float>(float x) {
  return x;
}
template <>
inline __device__ Half from_float<Half>(float x) {
  return {float_to_half(x)};
}
/// To the nearest, of two equally near to the even one.
template <>
inline __device__ Bfloat16 from_float<Bfloat16>(float x) {
  const unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return {static_cast<unsigned short>(bits >> 16 | 0x40U)};
  return {static_cast<unsigned short>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16)};
}

/// Four elements at once, at an address that is a multiple of their size together.
inline __device__ float4 load_four(const float* x) {
  return *reinterpret_cast<const float4*>(x);
}
template <class T>
__device__ float4 load_four(const T* x) {
  const uint2 bits = *reinterpret_cast<const uint2*>(x);
  const auto low = [](unsigned two) { return to_float(T{static_cast<unsigned short>(two & 0xffffU)}); };
  const auto high = [](unsigned two) { return to_float(T{static_cast<unsigned short>(two >> 16)}); };
  return {low(bits.x), high(bits.x), low(bits.y), high(bits.y)};
}

/// Eight elements at once, at an address that is a multiple of 16.
inline __device__ void load_eight(const float* x, float (&to)[8]) {
  const float4 a = load_four(x), b = load_four(x + 4);
  to[0] = a.x, to[1] = a.y, to[2] = a.z, to[3] = a.w;
  to[4] = b.x, to[5] = b.y, to[6] = b.z, to[7] = b.w;
}
template <class T>
__device__ void load_eight(const T* x, float (&to)[8]) {
  const uint4 bits = *reinterpret_cast<const uint4*>(x);
  const unsigned twos[4] = {bits.x, bits.y, bits.z, bits.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    to[2 * i] = to_float(T{static_cast<unsigned short>(twos[i] & 0xffffU)});
    to[2 * i + 1] = to_float(T{static_cast<unsigned short>(twos[i] >> 16)});
  }
}

/// work(T()) with the type of an element.
template <class Work>
int with_element(Element element, const Work& work) {
  switch (element) {
    case Element::Float16:
      return work(Half());
    case Element::Bfloat16:
      return work(Bfloat16());
    default:
      return work(float());
  }
}

}  // namespace bsbr::cuda
