#pragma once

#include "engine/kernels/cuda/element.cuh"
#include "engine/kernels/cuda/layout.h"
#include "engine/kernels/cuda/warp.cuh"

/// Queries in tiles. A thread block has kRows of them: consecutive positions of one chunk and all heads that
/// share a key-value head, so that they share its loads. Warp w has rows w, w + kWarps, …
namespace bsbr::cuda {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * kWarp;
constexpr int kEach = 8;  // rows of a warp
constexpr int kRows = kWarps * kEach;

inline __device__ int lane() {
  return static_cast<int>(threadIdx.x) % kWarp;
}
inline __device__ int warp() {
  return static_cast<int>(threadIdx.x) / kWarp;
}

using Zones = zones::Zones<int>;

/// Of a query of one head.
inline __device__ Zones divide(const Shape& shape, const Reach& reach, const HeadReach& head, int position) {
  return zones::divide<int>({shape.chunk, shape.block, reach.window, reach.sink, reach.candidate_chunks},
                            {head.retrieve, head.threshold > 0, head.states != 0}, position);
}

struct Tile {
  int chunk, kv_head, group;
  int begin;  ///< of the chunk's (position, head of the group) pairs
  int rows;   ///< 0: nothing to do

  __device__ int position(const AttendCall& call, int row) const {
    return chunk * call.cache.shape.chunk + (begin + row) / group;
  }
  __device__ int head(int row) const { return kv_head * group + (begin + row) % group; }
  /// The row's place in scratch memory.
  __device__ int at(const AttendCall& call, int row) const {
    return (position(call, row) - call.first) * call.cache.shape.heads + head(row);
  }
  __device__ Zones zones(const AttendCall& call, int row) const {
    return divide(call.cache.shape, call.reach, call.reach.heads[head(row)], position(call, row));
  }
  /// Rows of this thread's warp.
  __device__ int rows_of_warp() const { return max(0, (rows - warp() + kWarps - 1) / kWarps); }
};

inline int tiles_per_chunk(const Shape& shape) {
  return (shape.chunk * (shape.heads / shape.kv_heads) + kRows - 1) / kRows;
}
/// The grid, [tiles, kv_heads, each].
inline dim3 tile_grid(const AttendCall& call, int each) {
  const Shape& shape = call.cache.shape;
  const int chunks = (call.first + call.positions - 1) / shape.chunk - call.first / shape.chunk + 1;
  return dim3(static_cast<unsigned>(chunks * tiles_per_chunk(shape)), static_cast<unsigned>(shape.kv_heads),
              static_cast<unsigned>(each));
}

inline __device__ Tile find_tile(const AttendCall& call) {
  const Shape& shape = call.cache.shape;
  const int group = shape.heads / shape.kv_heads;
  const int per_chunk = (shape.chunk * group + kRows - 1) / kRows;
  const int chunk = call.first / shape.chunk + static_cast<int>(blockIdx.x) / per_chunk;
  const int place = static_cast<int>(blockIdx.x) % per_chunk * kRows;
  const int start = chunk * shape.chunk;
  const int begin = max(place, (call.first - start) * group);
  const int end = min(min(place + kRows, shape.chunk * group), (call.first + call.positions - start) * group);
  return {chunk, static_cast<int>(blockIdx.y), group, begin, max(0, end - begin)};
}

/// Elements of a query's row in shared memory, and of a key's, the latter so that the threads of a warp read
/// four elements of a key each from different banks.
BSBR_ANYWHERE constexpr int query_stride(int dim) {
  return (dim + 3) / 4 * 4;
}
BSBR_ANYWHERE constexpr int key_stride(int dim) {
  return ((dim + 3) / 4 | 1) * 4;
}

/// Copies the tile's queries, scaled, to [kRows, query_stride].
template <class T>
__device__ void load_queries(const AttendCall& call, const Tile& tile, float* to) {
  const int dim = call.cache.shape.dim, stride = query_stride(dim);
  for (int at = static_cast<int>(threadIdx.x); at < kRows * stride; at += kThreads) {
    const int row = at / stride, i = at % stride;
    float x = 0;
    if (row < tile.rows && i < dim) {
      const T* query = static_cast<const T*>(call.queries.data) +
                       (tile.position(call, row) - call.first) * call.queries.token_stride +
                       tile.head(row) * call.queries.head_stride;
      x = to_float(query[i]) * call.scale;
    }
    to[at] = x;
  }
}

/// Copies `count` rows [dim] that lie side by side to rows of `stride` floats, by threads `first`, first + step
/// …; fills up to kWarp rows and `stride` elements with 0.
template <class T>
__device__ void load_rows(const T* from, int count, int dim, float* to, int stride, int first, int step) {
  const int fours = stride / 4;
  for (int at = first; at < kWarp * fours; at += step) {
    const int row = at / fours, i = at % fours * 4;
    float4 x{0, 0, 0, 0};
    if (row < count && i < dim) {
      const T* source = from + static_cast<std::size_t>(row) * dim + i;
      if (dim % 4 == 0) {
        x = load_four(source);
      } else {
        x.x = to_float(source[0]);
        if (i + 1 < dim) x.y = to_float(source[1]);
        if (i + 2 < dim) x.z = to_float(source[2]);
        if (i + 3 < dim) x.w = to_float(source[3]);
      }
    }
    *reinterpret_cast<float4*>(to + row * stride + i) = x;
  }
}

/// logit[r] = query r · key, both in shared memory; `step` floats from one query to the next.
template <int kCount>
__device__ void dot_rows(float (&logit)[kCount], const float* query, int step, const float* key, int dim,
                         int active) {
#pragma unroll
  for (int r = 0; r < kCount; ++r) logit[r] = 0;
  for (int i = 0; i < dim; i += 4) {
    const float4 k = *reinterpret_cast<const float4*>(key + i);
#pragma unroll
    for (int r = 0; r < kCount; ++r) {
      if (r >= active) break;
      const float4 q = *reinterpret_cast<const float4*>(query + r * step + i);
      logit[r] = fmaf(q.x, k.x, logit[r]);
      logit[r] = fmaf(q.y, k.y, logit[r]);
      logit[r] = fmaf(q.z, k.z, logit[r]);
      logit[r] = fmaf(q.w, k.w, logit[r]);
    }
  }
}

/// Running softmaxes of the rows of a warp; a lane has elements lane, lane + kWarp … of each, and its own part
/// of the sum.
template <int kCount, int kParts>
struct Sums {
  float out[kCount][kParts], sum[kCount], shift[kCount];

  __device__ Sums() {
#pragma unroll
    for (int r = 0; r < kCount; ++r) {
      sum[r] = 0;
      shift[r] = never();
#pragma unroll
      for (int p = 0; p < kParts; ++p) out[r][p] = 0;
    }
  }

  /// Takes this lane's logit of row r in (-infinity: none); returns its weight.
  __device__ float take(int r, float logit) {
    const float top = fmaxf(shift[r], warp_max(logit));
    if (top == never()) return 0;
    const float factor = expf(shift[r] - top);
    const float weight = logit == never() ? 0.0F : expf(logit - top);
    sum[r] = sum[r] * factor + weight;
    shift[r] = top;
#pragma unroll
    for (int p = 0; p < kParts; ++p) out[r][p] *= factor;
    return weight;
  }

  /// Adds `count` values by the weights [kCount, kWarp]; `value(j, part)` is this lane's element.
  template <class Value>
  __device__ void add(const float* weights, int active, int count, const Value& value) {
    for (int j = 0; j < count; ++j) {
      float v[kParts];
#pragma unroll
      for (int p = 0; p < kParts; ++p) v[p] = value(j, p);
#pragma unroll
      for (int r = 0; r < kCount; ++r) {
        if (r >= active) break;
        const float weight = weights[r * kWarp + j];
#pragma unroll
        for (int p = 0; p < kParts; ++p) out[r][p] = fmaf(weight, v[p], out[r][p]);
      }
    }
  }

  __device__ void store(int r, int dim, float* to) const {
#pragma unroll
    for (int p = 0; p < kParts; ++p) {
      if (lane() + p * kWarp < dim) to[lane() + p * kWarp] = out[r][p];
    }
  }
};

/// work(T(), parts) with the element's type and the elements a lane has of a row: an integral_constant.
template <int kParts>
struct Parts {
  static constexpr int kValue = kParts;
};
constexpr int parts_of(int dim) {
  return dim <= 2 * kWarp ? 2 : dim <= 4 * kWarp ? 4 : kMostDim / kWarp;
}
template <class Work>
int with_element_and_parts(const Shape& shape, const Work& work) {
  return with_element(shape.element, [&](auto element) {
    switch (parts_of(shape.dim)) {
      case 2:
        return work(element, Parts<2>());
      case 4:
        return work(element, Parts<4>());
      default:
        return work(element, Parts<kMostDim / kWarp>());
    }
  });
}

}  // namespace bsbr::cuda
