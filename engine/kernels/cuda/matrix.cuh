#pragma once

#include "engine/kernels/cuda/tile.cuh"

/// Products on the tensor cores, of elements of 16 bits: a tile's 32 rows with 32 keys or values at a time.
/// Sums are in float32.
namespace bsbr::cuda {

/// Whether kernels multiply elements of this type on the tensor cores.
template <class T>
constexpr bool kHasMatrix = sizeof(T) == 2;

inline __device__ void add_product(Half /*type*/, float (&d)[4], const unsigned (&a)[4],
                                   const unsigned (&b)[2]) {
  add_product_of_halves(d, a, b);
}
inline __device__ void add_product(Bfloat16 /*type*/, float (&d)[4], const unsigned (&a)[4],
                                   const unsigned (&b)[2]) {
  add_product_of_bfloats(d, a, b);
}

template <class T>
__device__ unsigned two(T first, T second) {
  return first.bits | static_cast<unsigned>(second.bits) << 16;
}
/// The two elements at an even place of shared memory.
template <class T>
__device__ unsigned two_at(const T* x) {
  return *reinterpret_cast<const unsigned*>(x);
}

/// Elements from one row to the next in shared memory, so that the threads of a product read different banks.
constexpr int kWeightStride = kWarp + 8;
BSBR_ANYWHERE constexpr int matrix_stride(int parts) {
  return kWarp * parts + 8;
}
constexpr std::size_t matrix_bytes(int parts) {
  return sizeof(Half) * static_cast<std::size_t>(kWarp * matrix_stride(parts));
}

/// Copies `count` rows [dim] that lie side by side to [kWarp, matrix_stride]; the rest becomes 0. For all
/// threads of a block.
template <class T, int kParts>
__device__ void load_matrix(const T* from, int count, int dim, T* to) {
  constexpr int kEights = kWarp * kParts / 8;
  for (int at = static_cast<int>(threadIdx.x); at < kWarp * kEights; at += kThreads) {
    const int row = at / kEights, i = at % kEights * 8;
    const T* source = from + static_cast<std::size_t>(row) * dim + i;
    uint4 bits{0, 0, 0, 0};
    if (row < count && dim % 8 == 0) {
      if (i < dim) bits = *reinterpret_cast<const uint4*>(source);
    } else if (row < count) {
      const auto pair = [&](int j) {
        return two(i + j < dim ? source[j] : T{0}, i + j + 1 < dim ? source[j + 1] : T{0});
      };
      bits = {pair(0), pair(2), pair(4), pair(6)};
    }
    *reinterpret_cast<uint4*>(to + row * matrix_stride(kParts) + i) = bits;
  }
}

/// 16 queries of a tile, from row `first` on, as a warp's threads hold them for products; not scaled.
template <class T, int kParts>
struct QueryMatrix {
  unsigned words[2 * kParts][4];

  __device__ QueryMatrix(const AttendCall& call, const Tile& tile, int first) {
    const int dim = call.cache.shape.dim;
#pragma unroll
    for (int step = 0; step < 2 * kParts; ++step) {
#pragma unroll
      for (int word = 0; word < 4; ++word) {
        const int row = first + lane() / 4 + word % 2 * 8;
        const int i = step * 16 + lane() % 4 * 2 + word / 2 * 8;
        const T* query = static_cast<const T*>(call.queries.data);
        if (row < tile.rows) {
          query += (tile.position(call, row) - call.first) * call.queries.token_stride +
                   tile.head(row) * call.queries.head_stride;
        }
        words[step][word] =
            row < tile.rows ? two(i < dim ? query[i] : T{0}, i + 1 < dim ? query[i + 1] : T{0}) : 0U;
      }
    }
  }

  /// Adds the products with 8 rows of load_matrix()'s.
  __device__ void times(const T* keys, int dim, float (&sum)[4]) const {
    const T* key = keys + lane() / 4 * matrix_stride(kParts) + lane() % 4 * 2;
#pragma unroll
    for (int step = 0; step < 2 * kParts; ++step) {
      if (step * 16 >= dim) break;
      const unsigned two_eights[2] = {two_at(key + step * 16), two_at(key + step * 16 + 8)};
      add_product(T(), sum, words[step], two_eights);
    }
  }
};

/// Sums of values by weights: a warp has 8 · kParts elements of all rows of a tile.
template <class T, int kParts>
struct SumMatrix {
  float sum[2][kParts][4];

  __device__ SumMatrix() {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int n = 0; n < kParts; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) sum[half][n][i] = 0;
      }
    }
  }

  static __device__ int first_element() {
    return warp() * 8 * kParts;
  }

  /// weights [kRows, kWeightStride], values [kWarp, matrix_stride].
  __device__ void add(const T* weights, const T* values, int dim) {
#pragma unroll
    for (int step = 0; step < kWarp; step += 16) {
      unsigned of_rows[2][4];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const T* weight = weights + (half * 16 + lane() / 4) * kWeightStride + step + lane() % 4 * 2;
        of_rows[half][0] = two_at(weight);
        of_rows[half][1] = two_at(weight + 8 * kWeightStride);
        of_rows[half][2] = two_at(weight + 8);
        of_rows[half][3] = two_at(weight + 8 * kWeightStride + 8);
      }
#pragma unroll
      for (int n = 0; n < kParts; ++n) {
        if (first_element() + n * 8 >= dim) break;
        constexpr int kStride = matrix_stride(kParts);
        const T* value = values + (step + lane() % 4 * 2) * kStride + first_element() + n * 8 + lane() / 4;
        const unsigned of_values[2] = {two(value[0], value[kStride]),
                                       two(value[8 * kStride], value[9 * kStride])};
        add_product(T(), sum[0][n], of_rows[0], of_values);
        add_product(T(), sum[1][n], of_rows[1], of_values);
      }
    }
  }

  /// Multiplies row r by factor[r].
  __device__ void scale(const float* factor) {
#pragma unroll
    for (int part = 0; part < 4; ++part) {
      const float by = factor[part * 8 + lane() / 4];
#pragma unroll
      for (int n = 0; n < kParts; ++n) {
#pragma unroll
        for (int j = 0; j < 2; ++j) sum[part / 2][n][part % 2 * 2 + j] *= by;
      }
    }
  }

  /// Writes the first `rows` rows: row r to to(r) [dim].
  template <class To>
  __device__ void store(int rows, int dim, const To& to) const {
#pragma unroll
    for (int part = 0; part < 4; ++part) {
      const int row = part * 8 + lane() / 4;
      if (row >= rows) continue;
      float* out = to(row);
#pragma unroll
      for (int n = 0; n < kParts; ++n) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          const int i = first_element() + n * 8 + lane() % 4 * 2 + j;
          if (i < dim) out[i] = sum[part / 2][n][part % 2 * 2 + j];
        }
      }
    }
  }
};

}  // namespace bsbr::cuda
