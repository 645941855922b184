#pragma once

#include "engine/kernels/cuda/warp.cuh"

namespace bsbr::cuda {

/// A float's bits as an integer that orders as the float does.
inline __device__ unsigned ordered_bits(float x) {
  const unsigned bits = __float_as_uint(x);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}

/// Shared memory of BestOf.
struct BestWork {
  int bins[256];
  int warps[2][32];  ///< counts of each warp
  int bin, above;
};

/// Passes the numbers of the `count` best of score[first, end) to take(place, number), in ascending order:
/// the largest, of equals the lower number; place counts from 0; none where `count` is not positive. For all
/// threads of a block.
template <class Take>
__device__ void take_best(const float* score, int first, int end, int count, BestWork& work,
                          const Take& take) {
  if (count <= 0) return;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  // The count-th largest key, byte by byte; `left` of those that equal it are taken.
  unsigned prefix = 0;
  int left = count;
  for (int byte = 3; byte >= 0 && count < end - first; --byte) {
    for (int i = thread; i < 256; i += threads) work.bins[i] = 0;
    __syncthreads();
    const unsigned known = byte == 3 ? 0U : 0xffffffffU << (8 * (byte + 1));
    for (int i = first + thread; i < end; i += threads) {
      const unsigned key = ordered_bits(score[i]);
      if ((key & known) == prefix) atomicAdd(&work.bins[key >> (8 * byte) & 0xffU], 1);
    }
    __syncthreads();
    if (thread < kWarp) {
      // A lane has eight bins, lane 0 the largest.
      int own = 0;
      for (int i = 0; i < 8; ++i) own += work.bins[255 - thread * 8 - i];
      int before = own;
      for (int step = 1; step < kWarp; step *= 2) {
        const int other = __shfl_up_sync(kAll, before, static_cast<unsigned>(step));
        if (thread >= step) before += other;
      }
      before -= own;
      for (int i = 0; i < 8; ++i) {
        const int bin = 255 - thread * 8 - i;
        if (before < left && left <= before + work.bins[bin]) {
          work.bin = bin;
          work.above = before;
        }
        before += work.bins[bin];
      }
    }
    __syncthreads();
    prefix |= static_cast<unsigned>(work.bin) << (8 * byte);
    left -= work.above;
    __syncthreads();
  }
  const bool all = count >= end - first;
  int taken = 0, equals = 0;
  for (int begin = first; begin < end; begin += threads) {
    const int i = begin + thread;
    const unsigned key = i < end ? ordered_bits(score[i]) : 0U;
    const bool equal = !all && i < end && key == prefix;
    const bool above = i < end && (all || key > prefix);
    const unsigned below_lane = (1U << (thread % kWarp)) - 1U;
    const unsigned equal_ballot = __ballot_sync(kAll, equal ? 1 : 0);
    const unsigned above_ballot = __ballot_sync(kAll, above ? 1 : 0);
    if (thread % kWarp == 0) {
      work.warps[0][thread / kWarp] = __popc(equal_ballot);
      work.warps[1][thread / kWarp] = __popc(above_ballot);
    }
    __syncthreads();
    int equals_before = equals, above_before = 0;
    int equals_all = 0, above_all = 0;
    for (int w = 0; w < threads / kWarp; ++w) {
      if (w < thread / kWarp) equals_before += work.warps[0][w];
      if (w < thread / kWarp) above_before += work.warps[1][w];
      equals_all += work.warps[0][w];
      above_all += work.warps[1][w];
    }
    equals_before += __popc(equal_ballot & below_lane);
    above_before += __popc(above_ballot & below_lane);
    // Of the equals before this number, min(…, left) are taken; `taken` counts those before this round.
    const int place = taken + above_before + min(equals_before, left) - min(equals, left);
    if (above || (equal && equals_before < left)) take(place, i);
    taken += above_all + min(equals + equals_all, left) - min(equals, left);
    equals += equals_all;
    __syncthreads();
  }
}

}  // namespace bsbr::cuda
