#include "engine/kernels/cuda/kernels.h"
#include "engine/kernels/cuda/matrix.cuh"
#include "engine/kernels/cuda/tile.cuh"

namespace bsbr::cuda {
namespace {

/// Shared memory: queries, keys, values and the weights of each warp's rows. In turn: values take the place of
/// keys that have been read, for GPUs that do not grant room for both.
struct Places {
  int query, key, value, weight, floats;

  BSBR_ANYWHERE Places(int dim, int parts, bool in_turn)
      : query(0),
        key(kRows * query_stride(dim)),
        value(in_turn ? key : key + kWarp * key_stride(dim)),
        weight(key + weight_after(kWarp * key_stride(dim), kWarp * kWarp * parts, in_turn)),
        floats(weight + kRows * kWarp) {}

  [[nodiscard]] std::size_t bytes() const { return sizeof(float) * static_cast<std::size_t>(floats); }

 private:
  BSBR_ANYWHERE static int weight_after(int keys, int values, bool in_turn) {
    if (!in_turn) return keys + values;
    return keys > values ? keys : values;
  }
};

template <class T, int kParts>
__global__ void __launch_bounds__(kThreads) read_near_zone(AttendCall call, bool in_turn) {
  const Tile tile = find_tile(call);
  if (tile.rows == 0) return;
  const Shape& shape = call.cache.shape;
  const ChunkLayout layout(shape);
  const Places places(shape.dim, kParts, in_turn);
  float* memory = reinterpret_cast<float*>(shared_memory());
  load_queries<T>(call, tile, memory + places.query);

  const int active = tile.rows_of_warp();
  const int recent = tile.zones(call, 0).recent;
  const int sink = min(call.reach.sink, recent);
  int position[kEach];
  bool reads_all[kEach];
  bool any_reads_all = false;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    const bool used = r < active;
    position[r] = used ? tile.position(call, warp() + r * kWarps) : -1;
    reads_all[r] = used && tile.zones(call, warp() + r * kWarps).sink > sink;
    any_reads_all = any_reads_all || reads_all[r];
  }
  const bool middle = __syncthreads_or(any_reads_all ? 1 : 0) != 0;
  const int end = tile.position(call, tile.rows - 1) + 1;

  Sums<kEach, kParts> sums;
  float* weights = memory + places.weight + warp() * kEach * kWarp;
  for (int begin = sink > 0 ? 0 : (middle ? 0 : recent); begin < end;) {
    const int zone_end = begin < sink ? sink : begin < recent ? recent : end;
    const int in_chunk = begin % shape.chunk;
    const int count = min(min(kWarp, shape.chunk - in_chunk), zone_end - begin);
    const char* chunk =
        static_cast<const char*>(call.cache.chunks[begin / shape.chunk]) + tile.kv_head * layout.head_bytes;
    const std::size_t row = static_cast<std::size_t>(in_chunk) * shape.dim;
    const int thread = static_cast<int>(threadIdx.x);
    load_rows(reinterpret_cast<const T*>(chunk) + row, count, shape.dim, memory + places.key,
              key_stride(shape.dim), thread, kThreads);
    const auto load_values = [&] {
      load_rows(reinterpret_cast<const T*>(chunk + layout.values_at) + row, count, shape.dim,
                memory + places.value, kWarp * kParts, thread, kThreads);
    };
    if (!in_turn) load_values();
    __syncthreads();
    const bool in_middle = begin >= sink && begin < recent;
    if (active > 0) {
      float logit[kEach];
      dot_rows(logit, memory + places.query + warp() * query_stride(shape.dim),
               kWarps * query_stride(shape.dim), memory + places.key + lane() * key_stride(shape.dim),
               shape.dim, active);
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        if (r >= active) break;
        const bool sees =
            lane() < count && begin + lane() <= position[r] && (!in_middle || reads_all[r]);
        weights[r * kWarp + lane()] = sums.take(r, sees ? logit[r] : never());
      }
    }
    if (in_turn) {
      __syncthreads();
      load_values();
      __syncthreads();
    }
    if (active > 0) {
      __syncwarp();
      const float* value = memory + places.value;
      sums.add(weights, active, count,
               [&](int j, int p) { return value[(j * kParts + p) * kWarp + lane()]; });
    }
    __syncthreads();
    begin += count;
    if (begin == sink && !middle) begin = max(begin, recent);
  }
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    if (r >= active) break;
    const int at = tile.at(call, warp() + r * kWarps);
    const float sum = warp_sum(sums.sum[r]);
    sums.store(r, shape.dim, call.scratch.near_out + static_cast<std::size_t>(at) * shape.dim);
    if (lane() == 0) {
      call.scratch.near_sum[at] = sum;
      call.scratch.near_shift[at] = sums.shift[r];
    }
  }
}

/// Shared memory of read_near_matrix, in bytes. A weight is the sum of two elements, so that rounding it
/// costs nothing; logits are in rows of kWarp + 1.
template <int kParts>
struct MatrixPlaces {
  static constexpr int kKey = 0, kValue = static_cast<int>(matrix_bytes(kParts)), kWeight = 2 * kValue,
                       kWeightBytes = static_cast<int>(sizeof(Half)) * kRows * kWeightStride,
                       kRest = kWeight + kWeightBytes, kLogit = kRest + kWeightBytes,
                       kFactor = kLogit + static_cast<int>(sizeof(float)) * kRows * (kWarp + 1),
                       kBytes = kFactor + static_cast<int>(sizeof(float)) * kRows;
};

/// The same on the tensor cores.
template <class T, int kParts>
__global__ void __launch_bounds__(kThreads) read_near_matrix(AttendCall call) {
  using At = MatrixPlaces<kParts>;
  const Tile tile = find_tile(call);
  if (tile.rows == 0) return;
  const Shape& shape = call.cache.shape;
  const ChunkLayout layout(shape);
  char* memory = shared_memory();
  T* keys = reinterpret_cast<T*>(memory + At::kKey);
  T* values = reinterpret_cast<T*>(memory + At::kValue);
  T* weights = reinterpret_cast<T*>(memory + At::kWeight);
  T* rests = reinterpret_cast<T*>(memory + At::kRest);
  float* logits = reinterpret_cast<float*>(memory + At::kLogit);
  float* factors = reinterpret_cast<float*>(memory + At::kFactor);
  const int first_row = warp() % 2 * 16, first_key = warp() / 2 * 16;
  const QueryMatrix<T, kParts> queries(call, tile, first_row);

  const int active = tile.rows_of_warp();
  const int recent = tile.zones(call, 0).recent;
  const int sink = min(call.reach.sink, recent);
  int position[kEach];
  bool reads_all[kEach];
  float sum[kEach], shift[kEach];
  bool any_reads_all = false;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    const bool used = r < active;
    position[r] = used ? tile.position(call, warp() + r * kWarps) : -1;
    reads_all[r] = used && tile.zones(call, warp() + r * kWarps).sink > sink;
    any_reads_all = any_reads_all || reads_all[r];
    sum[r] = 0;
    shift[r] = never();
  }
  const bool middle = __syncthreads_or(any_reads_all ? 1 : 0) != 0;
  const int end = tile.position(call, tile.rows - 1) + 1;

  SumMatrix<T, kParts> sums;
  for (int begin = sink > 0 ? 0 : (middle ? 0 : recent); begin < end;) {
    const int zone_end = begin < sink ? sink : begin < recent ? recent : end;
    const int in_chunk = begin % shape.chunk;
    const int count = min(min(kWarp, shape.chunk - in_chunk), zone_end - begin);
    const char* chunk =
        static_cast<const char*>(call.cache.chunks[begin / shape.chunk]) + tile.kv_head * layout.head_bytes;
    const std::size_t row = static_cast<std::size_t>(in_chunk) * shape.dim;
    load_matrix<T, kParts>(reinterpret_cast<const T*>(chunk) + row, count, shape.dim, keys);
    load_matrix<T, kParts>(reinterpret_cast<const T*>(chunk + layout.values_at) + row, count, shape.dim,
                           values);
    __syncthreads();
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      float logit[4] = {0, 0, 0, 0};
      queries.times(keys + (first_key + n * 8) * matrix_stride(kParts), shape.dim, logit);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        logits[(first_row + lane() / 4 + i / 2 * 8) * (kWarp + 1) + first_key + n * 8 + lane() % 4 * 2 +
               i % 2] = logit[i] * call.scale;
      }
    }
    __syncthreads();
    const bool in_middle = begin >= sink && begin < recent;
#pragma unroll
    for (int r = 0; r < kEach; ++r) {
      const int own = warp() + r * kWarps;
      const bool sees = lane() < count && begin + lane() <= position[r] && (!in_middle || reads_all[r]);
      const float logit = sees ? logits[own * (kWarp + 1) + lane()] : never();
      const float top = fmaxf(shift[r], warp_max(logit));
      const float factor = shift[r] == never() ? 0.0F : expf(shift[r] - top);
      const float weight = sees ? expf(logit - top) : 0.0F;
      sum[r] = sum[r] * factor + weight;
      shift[r] = top;
      const T rounded = from_float<T>(weight);
      weights[own * kWeightStride + lane()] = rounded;
      rests[own * kWeightStride + lane()] = from_float<T>(weight - to_float(rounded));
      if (lane() == 0) factors[own] = factor;
    }
    __syncthreads();
    sums.scale(factors);
    sums.add(weights, values, shape.dim);
    sums.add(rests, values, shape.dim);
    __syncthreads();
    begin += count;
    if (begin == sink && !middle) begin = max(begin, recent);
  }
  sums.store(tile.rows, shape.dim, [&](int row) {
    return call.scratch.near_out + static_cast<std::size_t>(tile.at(call, row)) * shape.dim;
  });
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    if (r >= active) break;
    const int at = tile.at(call, warp() + r * kWarps);
    const float all = warp_sum(sum[r]);
    if (lane() == 0) {
      call.scratch.near_sum[at] = all;
      call.scratch.near_shift[at] = shift[r];
    }
  }
}

}  // namespace

std::size_t least_shared_of_near(const Shape& shape) {
  return std::max<std::size_t>(Places(shape.dim, parts_of(shape.dim), true).bytes(),
                               MatrixPlaces<kMostDim / kWarp>::kBytes);
}

int read_near(const AttendCall& call, void* stream) {
  const Shape& shape = call.cache.shape;
  std::size_t granted = 0;
  if (const int error = granted_shared(granted); error != 0) return error;
  return with_element_and_parts(shape, [&](auto element, auto parts) {
    using T = decltype(element);
    constexpr int kParts = decltype(parts)::kValue;
    if constexpr (kHasMatrix<T>) {
      return launch(read_near_matrix<T, kParts>, tile_grid(call, 1), kThreads, MatrixPlaces<kParts>::kBytes,
                    stream, call);
    } else {
      const bool in_turn = Places(shape.dim, kParts, false).bytes() > granted;
      return launch(read_near_zone<T, kParts>, tile_grid(call, 1), kThreads,
                    Places(shape.dim, kParts, in_turn).bytes(), stream, call, in_turn);
    }
  });
}

}  // namespace bsbr::cuda
