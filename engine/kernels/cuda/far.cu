#include "engine/kernels/cuda/kernels.h"
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

/// Shared memory of read_retrieved: of each warp the query, keys and their weights.
BSBR_ANYWHERE constexpr int retrieved_floats(int dim, int warps) {
  return warps * (query_stride(dim) + kWarp * key_stride(dim) + kWarp);
}
std::size_t retrieved_bytes(const Shape& shape, int warps) {
  return sizeof(float) * static_cast<std::size_t>(retrieved_floats(shape.dim, warps));
}
std::size_t states_bytes(int parts) {
  return sizeof(float) * static_cast<std::size_t>(kWarp * kWarp * parts + kRows * kWarp);
}

/// Retrieved blocks: a warp has one row and every gridDim.y-th kWarp tokens of them. A thread block has as many
/// warps as their shared memory allows.
template <class T, int kParts>
__global__ void __launch_bounds__(kThreads) read_retrieved(AttendCall call) {
  const Shape& shape = call.cache.shape;
  const Scratch& scratch = call.scratch;
  const ChunkLayout layout(shape);
  const int rows = call.positions * shape.heads;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int row = static_cast<int>(blockIdx.x) * warps + warp();
  if (row >= rows) return;  // whole warps; nothing below waits for other warps
  const int head = row % shape.heads, kv_head = head / (shape.heads / shape.kv_heads);
  const int split = static_cast<int>(blockIdx.y), splits = static_cast<int>(gridDim.y);
  float* memory = reinterpret_cast<float*>(shared_memory());
  float* query = memory + warp() * query_stride(shape.dim);
  float* keys = memory + warps * query_stride(shape.dim) + warp() * kWarp * key_stride(shape.dim);
  float* weights =
      memory + warps * (query_stride(shape.dim) + kWarp * key_stride(shape.dim)) + warp() * kWarp;
  const T* from = static_cast<const T*>(call.queries.data) + row / shape.heads * call.queries.token_stride +
                  head * call.queries.head_stride;
  for (int i = lane(); i < query_stride(shape.dim); i += kWarp)
    query[i] = i < shape.dim ? to_float(from[i]) * call.scale : 0.0F;

  const std::int32_t* chosen = scratch.chosen + static_cast<std::size_t>(row) * scratch.retrieved;
  const int tokens = scratch.count[row] * shape.block;
  Sums<1, kParts> sums;
  for (int begin = split * kWarp; begin < tokens; begin += splits * kWarp) {
    const int count = min(kWarp, tokens - begin);
    // Where this lane's key lies; a lane without one repeats the last.
    const int mine = begin + min(lane(), count - 1);
    const int token = chosen[mine / shape.block] * shape.block + mine % shape.block;
    const char* chunk =
        static_cast<const char*>(call.cache.chunks[token / shape.chunk]) + kv_head * layout.head_bytes;
    const auto address = reinterpret_cast<unsigned long long>(
        chunk + static_cast<std::size_t>(token % shape.chunk) * shape.dim * sizeof(T));
    __syncwarp();
    for (int j = 0; j < count; ++j) {
      const T* key = reinterpret_cast<const T*>(__shfl_sync(kAll, address, j));
      for (int i = lane(); i < key_stride(shape.dim); i += kWarp)
        keys[j * key_stride(shape.dim) + i] = i < shape.dim ? to_float(key[i]) : 0.0F;
    }
    __syncwarp();
    float logit[1];
    dot_rows(logit, query, 0, keys + min(lane(), count - 1) * key_stride(shape.dim), shape.dim, 1);
    weights[lane()] = sums.take(0, lane() < count ? logit[0] : never());
    __syncwarp();
    for (int j = 0; j < count; ++j) {
      const T* value =
          reinterpret_cast<const T*>(__shfl_sync(kAll, address, j) + static_cast<unsigned long long>(layout.values_at));
      sums.add(weights + j, 1, 1, [&](int, int p) {
        const int i = lane() + p * kWarp;
        return i < shape.dim ? to_float(value[i]) : 0.0F;
      });
    }
  }
  const float sum = warp_sum(sums.sum[0]);
  const std::size_t at = static_cast<std::size_t>(split) * rows + row;
  sums.store(0, shape.dim, scratch.far_out + at * shape.dim);
  if (lane() == 0) {
    scratch.far_sum[at] = sum;
    scratch.far_shift[at] = sums.shift[0];
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
  return std::max(states_bytes(parts_of(shape.dim)), retrieved_bytes(shape, 1));
}

int read_far(const AttendCall& call, void* stream) {
  const Shape& shape = call.cache.shape;
  std::size_t granted = 0;
  if (const int failed = granted_shared(granted); failed != 0) return failed;
  const int rows = call.positions * shape.heads;
  const auto blocks_of = [&](int warps) { return static_cast<unsigned>((rows + warps - 1) / warps); };
  const auto splits = static_cast<unsigned>(call.scratch.splits);
  return with_element_and_parts(shape, [&](auto element, auto parts) {
    using T = decltype(element);
    constexpr int kParts = decltype(parts)::kValue;
    const bool has_far = (call.first + call.positions - 1) / shape.chunk > call.reach.window;
    int error = 0;
    if (has_far) {
      error = launch(read_states<T, kParts>, tile_grid(call, call.scratch.splits), kThreads,
                     states_bytes(kParts), stream, call);
    }
    if (has_far && error == 0 && call.reach.retrieve > 0) {
      int warps = kWarps;
      while (warps > 1 && retrieved_bytes(shape, warps) > granted) --warps;
      error = launch(read_retrieved<T, kParts>, dim3(blocks_of(warps), splits), warps * kWarp,
                     retrieved_bytes(shape, warps), stream, call);
    }
    if (error != 0) return error;
    return launch(merge<T>, dim3(blocks_of(kWarps)), kThreads, 0, stream, call);
  });
}

}  // namespace bsbr::cuda
