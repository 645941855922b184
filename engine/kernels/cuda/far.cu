#include "engine/kernels/cuda/kernels.h"
#include "engine/kernels/cuda/matrix.cuh"
#include "engine/kernels/cuda/tile.cuh"

namespace bsbr::cuda {
namespace {

/// Values of the states that are not retrieved, by their weights. blockIdx.z has every gridDim.z-th chunk.
template <class T, int kParts>
__global__ void __launch_bounds__(kThreads) read_states(AttendCall call) {
  const Tile tile = find_tile(call);
  if (tile.rows == 0) return;
  const Shape& shape = call.cache.shape;
  const Scratch& scratch = call.scratch;
  const StateLayout layout(shape);
  const int states = states_of_chunk(shape);
  float* values = reinterpret_cast<float*>(shared_memory());
  float* weights = values + kWarp * kWarp * kParts + warp() * kEach * kWarp;
  const int active = tile.rows_of_warp();
  const int first = min(call.reach.sink, tile.zones(call, 0).recent) / shape.chunk;
  const int end = tile.zones(call, 0).end_chunk;
  const int split = static_cast<int>(blockIdx.z), splits = static_cast<int>(gridDim.z);
  const int thread = static_cast<int>(threadIdx.x);
  std::size_t at[kEach];
  bool reads[kEach], reads_chunks[kEach];
  bool any_reads_chunks = false;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    const bool used = r < active;
    at[r] = used ? static_cast<std::size_t>(tile.at(call, warp() + r * kWarps)) : 0;
    const Zones zones = used ? tile.zones(call, warp() + r * kWarps) : Zones{};
    reads[r] = used && zones.far && call.reach.heads[tile.head(warp() + r * kWarps)].states != 0;
    reads_chunks[r] = reads[r] && zones.coarse;
    any_reads_chunks = any_reads_chunks || reads_chunks[r];
  }

  Sums<kEach, kParts> sums;
  const auto add = [&](int count) {
    __syncwarp();
    sums.add(weights, active, count, [&](int j, int p) { return values[(j * kParts + p) * kWarp + lane()]; });
    __syncwarp();
  };
  for (int c = first + split; c < end; c += splits) {
    int slot[kEach];
    bool wanted = false;
#pragma unroll
    for (int r = 0; r < kEach; ++r) {
      slot[r] = reads[r] ? scratch.slots[at[r] * scratch.chunks + c - first] : -1;
      wanted = wanted || slot[r] >= 0;
    }
    if (__syncthreads_or(wanted ? 1 : 0) == 0) continue;
    const char* from = static_cast<const char*>(call.cache.states[c]) + tile.kv_head * layout.head_bytes;
    for (int begin = 0; begin < states; begin += kWarp) {
      const int count = min(kWarp, states - begin);
      load_rows(reinterpret_cast<const T*>(from + layout.values_at) +
                    static_cast<std::size_t>(begin) * shape.dim,
                count, shape.dim, values, kWarp * kParts, thread, kThreads);
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        float weight = 0;
        if (slot[r] >= 0 && lane() < count) {
          weight = scratch.logits[(at[r] * scratch.slots_each + static_cast<std::size_t>(slot[r])) *
                                      static_cast<std::size_t>(states) +
                                  static_cast<std::size_t>(begin + lane())];
        }
        weights[r * kWarp + lane()] = weight;
      }
      __syncthreads();
      if (wanted) add(count);
      __syncthreads();
    }
  }
  if (__syncthreads_or(any_reads_chunks ? 1 : 0) != 0) {
    for (int begin = first + split * kWarp; begin < end; begin += splits * kWarp) {
      const int count = min(kWarp, end - begin);
      for (int place = thread; place < kWarp * kWarp * kParts; place += kThreads) {
        const int c = place / (kWarp * kParts), i = place % (kWarp * kParts);
        float value = 0;
        if (c < count && i < shape.dim) {
          const char* from =
              static_cast<const char*>(call.cache.states[begin + c]) + tile.kv_head * layout.head_bytes;
          value = reinterpret_cast<const float*>(from + layout.chunk_value_at)[i];
        }
        values[place] = value;
      }
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        const bool has = reads_chunks[r] && lane() < count;
        weights[r * kWarp + lane()] =
            has ? scratch.chunk_logits[at[r] * scratch.chunks + begin + lane() - first] : 0.0F;
      }
      __syncthreads();
      add(count);
      __syncthreads();
    }
  }
  const std::size_t rows = static_cast<std::size_t>(call.positions) * shape.heads;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    if (r >= active) break;
    sums.store(r, shape.dim, scratch.state_out + (split * rows + at[r]) * shape.dim);
  }
}

/// The same on the tensor cores; weights are rounded to the element.
template <class T, int kParts>
__global__ void __launch_bounds__(kThreads) read_state_matrix(AttendCall call) {
  const Tile tile = find_tile(call);
  if (tile.rows == 0) return;
  const Shape& shape = call.cache.shape;
  const Scratch& scratch = call.scratch;
  const StateLayout layout(shape);
  const int states = states_of_chunk(shape);
  T* values = reinterpret_cast<T*>(shared_memory());
  T* weights = values + kWarp * matrix_stride(kParts);
  const int active = tile.rows_of_warp();
  const int first = min(call.reach.sink, tile.zones(call, 0).recent) / shape.chunk;
  const int end = tile.zones(call, 0).end_chunk;
  const int split = static_cast<int>(blockIdx.z), splits = static_cast<int>(gridDim.z);
  std::size_t at[kEach];
  bool reads[kEach], reads_chunks[kEach];
  bool any_reads_chunks = false;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    const bool used = r < active;
    at[r] = used ? static_cast<std::size_t>(tile.at(call, warp() + r * kWarps)) : 0;
    const Zones zones = used ? tile.zones(call, warp() + r * kWarps) : Zones{};
    reads[r] = used && zones.far && call.reach.heads[tile.head(warp() + r * kWarps)].states != 0;
    reads_chunks[r] = reads[r] && zones.coarse;
    any_reads_chunks = any_reads_chunks || reads_chunks[r];
  }
  const auto weigh = [&](int r, float weight) {
    weights[(warp() + r * kWarps) * kWeightStride + lane()] = from_float<T>(weight);
  };

  SumMatrix<T, kParts> sums;
  for (int c = first + split; c < end; c += splits) {
    int slot[kEach];
    bool wanted = false;
#pragma unroll
    for (int r = 0; r < kEach; ++r) {
      slot[r] = reads[r] ? scratch.slots[at[r] * scratch.chunks + c - first] : -1;
      wanted = wanted || slot[r] >= 0;
    }
    if (__syncthreads_or(wanted ? 1 : 0) == 0) continue;
    const char* from = static_cast<const char*>(call.cache.states[c]) + tile.kv_head * layout.head_bytes;
    for (int begin = 0; begin < states; begin += kWarp) {
      const int count = min(kWarp, states - begin);
      load_matrix<T, kParts>(
          reinterpret_cast<const T*>(from + layout.values_at) + static_cast<std::size_t>(begin) * shape.dim,
          count, shape.dim, values);
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        const bool has = slot[r] >= 0 && lane() < count;
        weigh(r, has ? scratch.logits[(at[r] * scratch.slots_each + static_cast<std::size_t>(slot[r])) *
                                          static_cast<std::size_t>(states) +
                                      static_cast<std::size_t>(begin + lane())]
                     : 0.0F);
      }
      __syncthreads();
      sums.add(weights, values, shape.dim);
      __syncthreads();
    }
  }
  if (__syncthreads_or(any_reads_chunks ? 1 : 0) != 0) {
    for (int begin = first + split * kWarp; begin < end; begin += splits * kWarp) {
      const int count = min(kWarp, end - begin);
      for (int place = static_cast<int>(threadIdx.x); place < kWarp * kWarp * kParts; place += kThreads) {
        const int c = place / (kWarp * kParts), i = place % (kWarp * kParts);
        float value = 0;
        if (c < count && i < shape.dim) {
          const char* from =
              static_cast<const char*>(call.cache.states[begin + c]) + tile.kv_head * layout.head_bytes;
          value = reinterpret_cast<const float*>(from + layout.chunk_value_at)[i];
        }
        values[c * matrix_stride(kParts) + i] = from_float<T>(value);
      }
#pragma unroll
      for (int r = 0; r < kEach; ++r) {
        const bool has = reads_chunks[r] && lane() < count;
        weigh(r, has ? scratch.chunk_logits[at[r] * scratch.chunks + begin + lane() - first] : 0.0F);
      }
      __syncthreads();
      sums.add(weights, values, shape.dim);
      __syncthreads();
    }
  }
  const std::size_t rows = static_cast<std::size_t>(call.positions) * shape.heads;
  sums.store(tile.rows, shape.dim, [&](int row) {
    return scratch.state_out + (split * rows + static_cast<std::size_t>(tile.at(call, row))) * shape.dim;
  });
}

constexpr std::size_t state_matrix_bytes(int parts) {
  return matrix_bytes(parts) + sizeof(Half) * static_cast<std::size_t>(kRows * kWeightStride);
}

std::size_t states_bytes(int parts) {
  return sizeof(float) * static_cast<std::size_t>(kWarp * kWarp * parts + kRows * kWarp);
}

/// A running softmax over keys that kLanes lanes read together: a lane has eights of elements, the first at
/// lane · 8, each next kLanes · 8 behind. Nothing goes through shared memory.
template <class T, int kEights>
struct Reader {
  static constexpr int kLanes = 8;
  static constexpr int kGroups = kWarp / kLanes;  // read other keys at the same time
  static constexpr int kAtOnce = 4;               // keys whose loads are under way together

  float query[kEights][8], out[kEights][8];
  float sum = 0, shift = never();
  int dim;

  __device__ Reader(const T* from, float scale, int the_dim) : dim(the_dim) {
#pragma unroll
    for (int e = 0; e < kEights; ++e) {
      load(from, e, query[e], false);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        query[e][i] *= scale;
        out[e][i] = 0;
      }
    }
  }

  static __device__ int group() {
    return lane() / kLanes;
  }
  static __device__ int place(int eight) {
    return (eight * kLanes + lane() % kLanes) * 8;
  }

  /// Elements past the last are 0. Rows of the cache begin at multiples of 16 bytes if eights do.
  __device__ void load(const T* from, int eight, float (&to)[8], bool aligned_rows) const {
    const int begin = place(eight);
    if (aligned_rows && begin < dim) return load_eight(from + begin, to);
#pragma unroll
    for (int i = 0; i < 8; ++i) to[i] = begin + i < dim ? to_float(from[begin + i]) : 0.0F;
  }

  /// Reads kAtOnce keys, each with its value `values_at` bytes behind; those from `count` on are not there.
  __device__ void read(const char* const (&key)[kAtOnce], std::size_t values_at, int count) {
    const bool aligned_rows = dim % 8 == 0;
    float logit[kAtOnce];
#pragma unroll
    for (int n = 0; n < kAtOnce; ++n) {
      logit[n] = 0;
#pragma unroll
      for (int e = 0; e < kEights; ++e) {
        float element[8];
        load(reinterpret_cast<const T*>(key[n]), e, element, aligned_rows);
#pragma unroll
        for (int i = 0; i < 8; ++i) logit[n] = fmaf(query[e][i], element[i], logit[n]);
      }
    }
    float top = shift;
#pragma unroll
    for (int n = 0; n < kAtOnce; ++n) {
      for (int step = kLanes / 2; step > 0; step /= 2) logit[n] += __shfl_xor_sync(kAll, logit[n], step);
      if (n < count) top = fmaxf(top, logit[n]);
    }
    const float factor = shift == never() ? 0.0F : expf(shift - top);
    shift = top;
    sum *= factor;
    scale_out(factor);
#pragma unroll
    for (int n = 0; n < kAtOnce; ++n) {
      const float weight = n < count ? expf(logit[n] - top) : 0.0F;
      sum += weight;
#pragma unroll
      for (int e = 0; e < kEights; ++e) {
        float element[8];
        load(reinterpret_cast<const T*>(key[n] + values_at), e, element, aligned_rows);
#pragma unroll
        for (int i = 0; i < 8; ++i) out[e][i] = fmaf(weight, element[i], out[e][i]);
      }
    }
  }

  /// Adds up what the groups read, for all of them.
  __device__ void join() {
    for (int step = kLanes; step < kWarp; step *= 2) {
      const float top = fmaxf(shift, __shfl_xor_sync(kAll, shift, step));
      const float factor = shift == never() ? 0.0F : expf(shift - top);
      shift = top;
      sum *= factor;
      sum += __shfl_xor_sync(kAll, sum, step);
      scale_out(factor);
#pragma unroll
      for (int e = 0; e < kEights; ++e) {
#pragma unroll
        for (int i = 0; i < 8; ++i) out[e][i] += __shfl_xor_sync(kAll, out[e][i], step);
      }
    }
  }

  __device__ void store(float* to) const {
#pragma unroll
    for (int e = 0; e < kEights; ++e) {
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        if (group() == e % kGroups && place(e) + i < dim) to[place(e) + i] = out[e][i];
      }
    }
  }

 private:
  __device__ void scale_out(float factor) {
#pragma unroll
    for (int e = 0; e < kEights; ++e) {
#pragma unroll
      for (int i = 0; i < 8; ++i) out[e][i] *= factor;
    }
  }
};

/// Retrieved blocks: a warp has one row and every gridDim.y-th kWarp tokens of them. Head by head, so that
/// what runs at the same time reads the keys of few heads, and neighbours often the same ones.
template <class T, int kParts>
__global__ void __launch_bounds__(kThreads) read_retrieved(AttendCall call) {
  using RowReader = Reader<T, kParts / 2>;
  const Shape& shape = call.cache.shape;
  const Scratch& scratch = call.scratch;
  const ChunkLayout layout(shape);
  const int rows = call.positions * shape.heads;
  const int place = static_cast<int>(blockIdx.x) * kWarps + warp();
  if (place >= rows) return;  // whole warps; nothing below waits for other warps
  const int head = place / call.positions, row = place % call.positions * shape.heads + head;
  const int kv_head = head / (shape.heads / shape.kv_heads);
  const int split = static_cast<int>(blockIdx.y), splits = static_cast<int>(gridDim.y);
  RowReader reader(static_cast<const T*>(call.queries.data) + row / shape.heads * call.queries.token_stride +
                       head * call.queries.head_stride,
                   call.scale, shape.dim);

  const std::int32_t* chosen = scratch.chosen + static_cast<std::size_t>(row) * scratch.retrieved;
  const int tokens = scratch.count[row] * shape.block;
  for (int begin = split * kWarp; begin < tokens; begin += splits * kWarp) {
    const int count = min(kWarp, tokens - begin);
    // Where this lane's key lies; a lane without one repeats the last.
    const int mine = begin + min(lane(), count - 1);
    const int token = chosen[mine / shape.block] * shape.block + mine % shape.block;
    const char* chunk =
        static_cast<const char*>(call.cache.chunks[token / shape.chunk]) + kv_head * layout.head_bytes;
    const auto address = reinterpret_cast<unsigned long long>(
        chunk + static_cast<std::size_t>(token % shape.chunk) * shape.dim * sizeof(T));
    constexpr int kRound = RowReader::kGroups * RowReader::kAtOnce;
    for (int round = 0; round < count; round += kRound) {
      const int own = round + RowReader::group() * RowReader::kAtOnce;
      const char* key[RowReader::kAtOnce];
#pragma unroll
      for (int n = 0; n < RowReader::kAtOnce; ++n)
        key[n] = reinterpret_cast<const char*>(__shfl_sync(kAll, address, own + n));
      reader.read(key, layout.values_at, count - own);
    }
  }
  reader.join();
  const std::size_t at = static_cast<std::size_t>(split) * rows + row;
  reader.store(scratch.far_out + at * shape.dim);
  if (lane() == 0) {
    scratch.far_sum[at] = reader.sum;
    scratch.far_shift[at] = reader.shift;
  }
}

/// Puts the parts of a row together: a warp has one row.
template <class T>
__global__ void merge(AttendCall call) {
  const Shape& shape = call.cache.shape;
  const Scratch& scratch = call.scratch;
  const std::size_t rows = static_cast<std::size_t>(call.positions) * shape.heads;
  const std::size_t row = static_cast<std::size_t>(blockIdx.x) * kWarps + warp();
  if (row >= rows) return;
  float shift = scratch.near_shift[row];
  if (scratch.state_sum[row] > 0) shift = fmaxf(shift, scratch.state_shift[row]);
  const int splits = scratch.count[row] > 0 ? scratch.splits : 0;
  for (int s = 0; s < splits; ++s) {
    if (scratch.far_sum[s * rows + row] > 0) shift = fmaxf(shift, scratch.far_shift[s * rows + row]);
  }
  const float near = expf(scratch.near_shift[row] - shift);
  const float state = scratch.state_sum[row] > 0 ? expf(scratch.state_shift[row] - shift) : 0.0F;
  float sum = near * scratch.near_sum[row] + state * scratch.state_sum[row];
  for (int s = 0; s < splits; ++s) {
    const std::size_t at = s * rows + row;
    if (scratch.far_sum[at] > 0) sum += expf(scratch.far_shift[at] - shift) * scratch.far_sum[at];
  }
  T* out = static_cast<T*>(call.out) + static_cast<std::int64_t>(row / shape.heads) * call.out_stride +
           static_cast<std::int64_t>(row % shape.heads) * shape.dim;
  for (int i = lane(); i < shape.dim; i += kWarp) {
    float x = near * scratch.near_out[row * shape.dim + i];
    for (int s = 0; s < scratch.splits && state > 0; ++s)
      x += state * scratch.state_out[(s * rows + row) * shape.dim + i];
    for (int s = 0; s < splits; ++s) {
      const std::size_t at = s * rows + row;
      if (scratch.far_sum[at] > 0)
        x += expf(scratch.far_shift[at] - shift) * scratch.far_out[at * shape.dim + i];
    }
    out[i] = from_float<T>(x / sum);
  }
}

}  // namespace

std::size_t least_shared_of_far(const Shape& shape) {
  return std::max(states_bytes(parts_of(shape.dim)), state_matrix_bytes(parts_of(shape.dim)));
}

int read_far(const AttendCall& call, void* stream) {
  const Shape& shape = call.cache.shape;
  const int rows = call.positions * shape.heads;
  const dim3 row_grid(static_cast<unsigned>((rows + kWarps - 1) / kWarps));
  const auto splits = static_cast<unsigned>(call.scratch.splits);
  return with_element_and_parts(shape, [&](auto element, auto parts) {
    using T = decltype(element);
    constexpr int kParts = decltype(parts)::kValue;
    const bool has_far = (call.first + call.positions - 1) / shape.chunk > call.reach.window;
    int error = 0;
    if (has_far) {
      const dim3 grid = tile_grid(call, call.scratch.splits);
      if constexpr (kHasMatrix<T>) {
        error =
            launch(read_state_matrix<T, kParts>, grid, kThreads, state_matrix_bytes(kParts), stream, call);
      } else {
        error = launch(read_states<T, kParts>, grid, kThreads, states_bytes(kParts), stream, call);
      }
    }
    if (has_far && error == 0 && call.reach.retrieve > 0) {
      error = launch(read_retrieved<T, kParts>, dim3(row_grid.x, splits), kThreads, 0, stream, call);
    }
    if (error != 0) return error;
    return launch(merge<T>, row_grid, kThreads, 0, stream, call);
  });
}

}  // namespace bsbr::cuda
