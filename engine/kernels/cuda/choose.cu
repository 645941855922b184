#include "engine/kernels/cuda/best.cuh"
#include "engine/kernels/cuda/kernels.h"
#include "engine/kernels/cuda/matrix.cuh"
#include "engine/kernels/cuda/tile.cuh"

namespace bsbr::cuda {
namespace {

// Chunks of states that are weighed at once for the same queries.
constexpr int kAtOnce = 32;

/// Shared memory of the kernels that weigh states: queries and keys.
std::size_t tile_bytes(const Shape& shape) {
  return sizeof(float) * static_cast<std::size_t>(kRows * query_stride(shape.dim) +
                                                  kWarp * key_stride(shape.dim));
}

__device__ const char* states_of(const Cache& cache, const StateLayout& layout, int chunk, int kv_head) {
  return static_cast<const char*>(cache.states[chunk]) + kv_head * layout.head_bytes;
}

/// Logits of the plain states of chunks, where not all chunks are candidates; chunk c in column c - first.
template <class T>
__global__ void weigh_chunks(AttendCall call) {
  const Tile tile = find_tile(call);
  if (tile.rows == 0) return;
  const int active = tile.rows_of_warp();
  bool wanted = false;
  for (int r = 0; r < active; ++r) {
    const Zones zones = tile.zones(call, warp() + r * kWarps);
    wanted = wanted || (zones.far && zones.coarse);
  }
  if (__syncthreads_or(wanted ? 1 : 0) == 0) return;
  const Shape& shape = call.cache.shape;
  const StateLayout layout(shape);
  float* query = reinterpret_cast<float*>(shared_memory());
  float* key = query + kRows * query_stride(shape.dim);
  load_queries<T>(call, tile, query);
  const float log_size = logf(static_cast<float>(shape.chunk));
  const int end = tile.zones(call, 0).end_chunk;
  const int stride = key_stride(shape.dim);
  for (int begin = static_cast<int>(blockIdx.z) * kWarp; begin < end;
       begin += static_cast<int>(gridDim.z) * kWarp) {
    const int count = min(kWarp, end - begin);
    for (int at = static_cast<int>(threadIdx.x); at < kWarp * shape.dim; at += kThreads) {
      const int c = at / shape.dim, i = at % shape.dim;
      const char* from = states_of(call.cache, layout, begin + min(c, count - 1), tile.kv_head);
      key[c * stride + i] = reinterpret_cast<const float*>(from + layout.chunk_key_at)[i];
    }
    for (int c = static_cast<int>(threadIdx.x); c < kWarp; c += kThreads) {
      for (int i = shape.dim; i < stride; ++i) key[c * stride + i] = 0;
    }
    __syncthreads();
    float logit[kEach];
    dot_rows(logit, query + warp() * query_stride(shape.dim), kWarps * query_stride(shape.dim),
             key + lane() * stride, shape.dim, active);
#pragma unroll
    for (int r = 0; r < kEach; ++r) {
      if (r >= active) break;
      const Zones zones = tile.zones(call, warp() + r * kWarps);
      const int c = begin + lane();
      if (!zones.far || !zones.coarse || lane() >= count || c < zones.first_chunk) continue;
      const std::size_t at = tile.at(call, warp() + r * kWarps);
      call.scratch.chunk_logits[at * call.scratch.chunks + c - zones.first_chunk] = logit[r] + log_size;
    }
    __syncthreads();
  }
}

/// Chooses the chunks whose blocks are scored one by one. A thread block has one row.
__global__ void choose_candidates(AttendCall call) {
  const Shape& shape = call.cache.shape;
  const Scratch& scratch = call.scratch;
  const std::size_t row = blockIdx.x;
  const int position = call.first + static_cast<int>(row) / shape.heads;
  const Zones zones =
      divide(shape, call.reach, call.reach.heads[static_cast<int>(row) % shape.heads], position);
  if (!zones.far) return;
  const int chunks = zones.end_chunk - zones.first_chunk;
  const int thread = static_cast<int>(threadIdx.x);
  std::int32_t* slots = scratch.slots + row * scratch.chunks;
  std::int32_t* of_slot = scratch.of_slot + row * scratch.slots_each;
  float* logits = scratch.chunk_logits + row * scratch.chunks;
  for (int c = thread; c < chunks; c += kThreads) slots[c] = zones.coarse ? -1 : c;
  if (!zones.coarse) {
    for (int c = thread; c < chunks; c += kThreads) of_slot[c] = c;
    return;
  }
  __syncthreads();
  // A chunk that the sink cuts has no state of its own, so it is always a candidate.
  const int forced = zones.sink % shape.chunk != 0 ? 1 : 0;
  const auto take = [&](int slot, int chunk) {
    slots[chunk] = slot;
    of_slot[slot] = chunk;
  };
  if (forced != 0 && thread == 0) take(0, 0);
  take_best(logits, forced, chunks, zones.candidates - forced, *reinterpret_cast<BestWork*>(shared_memory()),
            [&](int place, int chunk) { take(place + forced, chunk); });
  __syncthreads();
  for (int c = thread; c < chunks; c += kThreads) {
    if (slots[c] >= 0) logits[c] = never();
  }
}

/// Logits of the states of all candidates, with the bias that the head reads them by.
template <class T>
__global__ void weigh_states(AttendCall call) {
  const Tile tile = find_tile(call);
  if (tile.rows == 0) return;
  const Shape& shape = call.cache.shape;
  const StateLayout layout(shape);
  float* query = reinterpret_cast<float*>(shared_memory());
  float* key = query + kRows * query_stride(shape.dim);
  load_queries<T>(call, tile, query);
  const int active = tile.rows_of_warp();
  const int states = states_of_chunk(shape);
  const int stride = key_stride(shape.dim);
  // The sink ends in the same chunk for all rows that have a far past.
  const int first = min(call.reach.sink, tile.zones(call, 0).recent) / shape.chunk;
  const int end = tile.zones(call, 0).end_chunk;
  for (int c = first + static_cast<int>(blockIdx.z); c < end; c += static_cast<int>(gridDim.z)) {
    int slot[kEach];
    bool wanted = false;
#pragma unroll
    for (int r = 0; r < kEach; ++r) {
      slot[r] = -1;
      if (r >= active) continue;
      const std::size_t at = tile.at(call, warp() + r * kWarps);
      if (tile.zones(call, warp() + r * kWarps).far) {
        slot[r] = call.scratch.slots[at * call.scratch.chunks + c - first];
      }
      wanted = wanted || slot[r] >= 0;
    }
    if (__syncthreads_or(wanted ? 1 : 0) == 0) continue;
    const char* from = states_of(call.cache, layout, c, tile.kv_head);
    for (int begin = 0; begin < states; begin += kWarp) {
      const int count = min(kWarp, states - begin);
      load_rows(reinterpret_cast<const T*>(from + layout.keys_at) + static_cast<std::size_t>(begin) * shape.dim,
                count, shape.dim, key, stride, static_cast<int>(threadIdx.x), kThreads);
      __syncthreads();
      if (wanted) {
        float logit[kEach];
        dot_rows(logit, query + warp() * query_stride(shape.dim), kWarps * query_stride(shape.dim),
                 key + lane() * stride, shape.dim, active);
#pragma unroll
        for (int r = 0; r < kEach; ++r) {
          if (slot[r] < 0 || lane() >= count) continue;
          const bool anchored = call.reach.heads[tile.head(warp() + r * kWarps)].states != 0;
          const float bias = reinterpret_cast<const float*>(
              from + (anchored ? layout.bias_at : layout.log_size_at))[begin + lane()];
          const std::size_t at = tile.at(call, warp() + r * kWarps);
          call.scratch.logits[(at * call.scratch.slots_each + static_cast<std::size_t>(slot[r])) *
                                  static_cast<std::size_t>(states) +
                              static_cast<std::size_t>(begin + lane())] = logit[r] + bias;
        }
      }
      __syncthreads();
    }
  }
}

/// The same on the tensor cores: a warp has 16 rows and 16 of 32 states.
template <class T, int kParts>
__global__ void __launch_bounds__(kThreads) weigh_state_matrix(AttendCall call) {
  const Tile tile = find_tile(call);
  if (tile.rows == 0) return;
  const Shape& shape = call.cache.shape;
  const StateLayout layout(shape);
  T* keys = reinterpret_cast<T*>(shared_memory());
  const int first_row = warp() % 2 * 16, first_state = warp() / 2 * 16;
  const QueryMatrix<T, kParts> queries(call, tile, first_row);
  const int states = states_of_chunk(shape);
  const int first = min(call.reach.sink, tile.zones(call, 0).recent) / shape.chunk;
  const int end = tile.zones(call, 0).end_chunk;
  std::size_t at[2];
  std::size_t bias_at[2];
  bool far[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = first_row + half * 8 + lane() / 4;
    const bool used = row < tile.rows;
    at[half] = used ? static_cast<std::size_t>(tile.at(call, row)) : 0;
    far[half] = used && tile.zones(call, row).far;
    bias_at[half] =
        used && call.reach.heads[tile.head(row)].states != 0 ? layout.bias_at : layout.log_size_at;
  }
  for (int c = first + static_cast<int>(blockIdx.z); c < end; c += static_cast<int>(gridDim.z)) {
    int slot[2];
#pragma unroll
    for (int half = 0; half < 2; ++half)
      slot[half] = far[half] ? call.scratch.slots[at[half] * call.scratch.chunks + c - first] : -1;
    if (__syncthreads_or(slot[0] >= 0 || slot[1] >= 0 ? 1 : 0) == 0) continue;
    const char* from = states_of(call.cache, layout, c, tile.kv_head);
    for (int begin = 0; begin < states; begin += kWarp) {
      const int count = min(kWarp, states - begin);
      load_matrix<T, kParts>(
          reinterpret_cast<const T*>(from + layout.keys_at) + static_cast<std::size_t>(begin) * shape.dim,
          count, shape.dim, keys);
      __syncthreads();
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        float logit[4] = {0, 0, 0, 0};
        queries.times(keys + (first_state + n * 8) * matrix_stride(kParts), shape.dim, logit);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int state = first_state + n * 8 + lane() % 4 * 2 + i % 2;
          if (slot[i / 2] < 0 || state >= count) continue;
          const float bias = reinterpret_cast<const float*>(from + bias_at[i / 2])[begin + state];
          call.scratch.logits[(at[i / 2] * call.scratch.slots_each + static_cast<std::size_t>(slot[i / 2])) *
                                  static_cast<std::size_t>(states) +
                              static_cast<std::size_t>(begin + state)] = logit[i] * call.scale + bias;
        }
      }
      __syncthreads();
    }
  }
}

/// One row's choice of blocks.
struct Chooser {
  const AttendCall& call;
  const Shape& shape;
  const Scratch& scratch;
  const Zones zones;
  const HeadReach head;
  std::size_t row;
  int kv_head, states, per_chunk, first, end;  // states and blocks of a chunk; candidate blocks [first, end)
  float *logits, *scores, *chunk_logits;
  float* fold;
  BestWork& best;

  __device__ Chooser(const AttendCall& the_call, int the_row, int position)
      : call(the_call),
        shape(the_call.cache.shape),
        scratch(the_call.scratch),
        zones(divide(shape, the_call.reach, the_call.reach.heads[the_row % shape.heads], position)),
        head(the_call.reach.heads[the_row % shape.heads]),
        row(static_cast<std::size_t>(the_row)),
        kv_head(the_row % shape.heads / (shape.heads / shape.kv_heads)),
        states(states_of_chunk(shape)),
        per_chunk(shape.chunk / shape.block),
        first(zones.first_block % per_chunk),
        end(zones.candidates * per_chunk),
        logits(scratch.logits + row * static_cast<std::size_t>(scratch.slots_each * states)),
        scores(scratch.scores + row * static_cast<std::size_t>(scratch.slots_each * per_chunk)),
        chunk_logits(scratch.chunk_logits + row * scratch.chunks),
        fold(reinterpret_cast<float*>(shared_memory() + sizeof(BestWork))),
        best(*reinterpret_cast<BestWork*>(shared_memory())) {}

  /// Coarse states that stand for whole chunks.
  __device__ int chunks() const { return zones.coarse ? zones.end_chunk - zones.first_chunk : 0; }
  /// What the logarithms of the terms of a block's score are above the logits of its states; nullptr:
  /// nothing.
  __device__ const float* log_spreads(int block) const {
    if (head.states == 0) return nullptr;
    const int chunk = zones.first_chunk + scratch.of_slot[row * scratch.slots_each + block / per_chunk];
    const StateLayout layout(shape);
    return reinterpret_cast<const float*>(states_of(call.cache, layout, chunk, kv_head) +
                                          layout.log_spread_at) +
           block % per_chunk * shape.states;
  }
  template <class Work>
  __device__ void for_states(const Work& work) const {
    for (int i = first * shape.states + static_cast<int>(threadIdx.x); i < end * shape.states; i += kThreads)
      work(i);
  }
  template <class Work>
  __device__ void for_blocks(const Work& work) const {
    for (int j = first + static_cast<int>(threadIdx.x); j < end; j += kThreads) work(j);
  }

  /// Turns logits into weights over e^shift and fills scores, as logarithms: those that vanish beside others
  /// are in order too. Returns the mass of all states.
  __device__ float weigh(float& shift) {
    float top = never();
    for_states([&](int i) { top = fmaxf(top, logits[i]); });
    for (int c = static_cast<int>(threadIdx.x); c < chunks(); c += kThreads) top = fmaxf(top, chunk_logits[c]);
    shift = block_max(top, fold);
    float mass = 0;
    for_blocks([&](int j) {
      float* logit = logits + j * shape.states;
      const float* spread = log_spreads(j);
      const auto term = [&](int i) { return spread != nullptr ? logit[i] + spread[i] : logit[i]; };
      float most = never(), sum = 0;
      for (int i = 0; i < shape.states; ++i) most = fmaxf(most, term(i));
      for (int i = 0; i < shape.states; ++i) {
        sum += expf(term(i) - most);
        logit[i] = expf(logit[i] - shift);
        mass += logit[i];
      }
      scores[j] = most + logf(sum);
    });
    for (int c = static_cast<int>(threadIdx.x); c < chunks(); c += kThreads) {
      chunk_logits[c] = expf(chunk_logits[c] - shift);
      mass += chunk_logits[c];
    }
    for (int i = static_cast<int>(threadIdx.x); i < first * shape.states; i += kThreads) logits[i] = 0;
    return block_sum(mass, fold);
  }

  /// |q|², q scaled.
  template <class T>
  __device__ float strength() const {
    const T* query = static_cast<const T*>(call.queries.data) +
                     static_cast<std::int64_t>(row / static_cast<std::size_t>(shape.heads)) *
                         call.queries.token_stride +
                     static_cast<int>(row) % shape.heads * call.queries.head_stride;
    float sum = 0;
    for (int i = static_cast<int>(threadIdx.x); i < shape.dim; i += kThreads) {
      const float x = to_float(query[i]) * call.scale;
      sum += x * x;
    }
    return block_sum(sum, fold);
  }

  /// How many blocks score above the threshold, which is held against shares of the whole mass; those that do
  /// not are then scored below all others.
  template <class T>
  __device__ int above_threshold(float mass, float shift) {
    const float near_shift = scratch.near_shift[row], near_sum = scratch.near_sum[row];
    const float top = fmaxf(near_shift, shift);
    const float total = near_sum * expf(near_shift - top) + mass * expf(shift - top);
    const float log_strength = head.states != 0 ? logf(strength<T>()) : 0.0F;
    const float least = logf(head.threshold) + logf(total) + top - log_strength;
    float count = 0;
    for_blocks([&](int j) {
      const bool above = scores[j] > least;
      count += above ? 1.0F : 0.0F;
      if (!above) scores[j] = never();
    });
    return static_cast<int>(block_sum(count, fold));
  }

  template <class T>
  __device__ void run() {
    float shift = 0;
    const float mass = weigh(shift);
    int count = zones.retrieved;
    if (head.threshold > 0) count = min(count, above_threshold<T>(mass, shift));
    __syncthreads();
    std::int32_t* chosen = scratch.chosen + row * static_cast<std::size_t>(scratch.retrieved);
    if (count > 0) {
      take_best(scores, first, end, count, best, [&](int place, int j) {
        const int chunk = zones.first_chunk + scratch.of_slot[row * scratch.slots_each + j / per_chunk];
        chosen[place] = chunk * per_chunk + j % per_chunk;
        for (int i = j * shape.states; i < (j + 1) * shape.states; ++i) logits[i] = 0;
      });
    }
    __syncthreads();
    float left = 0;
    if (head.states != 0) {
      for_states([&](int i) { left += logits[i]; });
      for (int c = static_cast<int>(threadIdx.x); c < chunks(); c += kThreads) left += chunk_logits[c];
    }
    left = block_sum(left, fold);
    if (threadIdx.x != 0) return;
    scratch.state_sum[row] = left;
    scratch.state_shift[row] = shift;
    scratch.count[row] = count;
  }
};

/// A thread block has one row.
template <class T>
__global__ void choose_blocks(AttendCall call) {
  const Shape& shape = call.cache.shape;
  const int row = static_cast<int>(blockIdx.x);
  const int position = call.first + row / shape.heads;
  Chooser chooser(call, row, position);
  if (chooser.zones.far) {
    chooser.run<T>();
  } else if (threadIdx.x == 0) {
    call.scratch.state_sum[row] = 0;
    call.scratch.state_shift[row] = never();
    call.scratch.count[row] = 0;
  }
  if (threadIdx.x == 0) {
    const Zones& zones = chooser.zones;
    const int exact = zones.sink + (position + 1 - zones.recent) + call.scratch.count[row] * shape.block;
    atomicAdd(call.exact + row % shape.heads, static_cast<unsigned long long>(exact));
  }
}

}  // namespace

std::size_t least_shared_of_choose(const Shape& shape) {
  return std::max(
      {tile_bytes(shape), matrix_bytes(parts_of(shape.dim)), sizeof(BestWork) + kWarps * sizeof(float)});
}

int choose(const AttendCall& call, void* stream) {
  const Shape& shape = call.cache.shape;
  const auto rows = static_cast<unsigned>(call.positions * shape.heads);
  const int end_chunk = zones::chunks_before_near(call.first + call.positions - 1, shape.chunk, call.reach.window);
  return with_element_and_parts(shape, [&](auto element, auto parts) {
    using T = decltype(element);
    constexpr int kParts = decltype(parts)::kValue;
    int error = 0;
    if (end_chunk > 0) {
      const int at_once = std::min(end_chunk, kAtOnce);
      if (end_chunk > zones::most_candidates(call.reach.candidate_chunks, 0, shape.chunk)) {
        error = launch(weigh_chunks<T>, tile_grid(call, std::min((end_chunk + kWarp - 1) / kWarp, kAtOnce)),
                       kThreads, tile_bytes(shape), stream, call);
      }
      if (error == 0)
        error = launch(choose_candidates, dim3(rows), kThreads, sizeof(BestWork), stream, call);
      if (error != 0) return error;
      const dim3 grid = tile_grid(call, at_once);
      if constexpr (kHasMatrix<T>) {
        error = launch(weigh_state_matrix<T, kParts>, grid, kThreads, matrix_bytes(kParts), stream, call);
      } else {
        error = launch(weigh_states<T>, grid, kThreads, tile_bytes(shape), stream, call);
      }
    }
    if (error != 0) return error;
    return launch(choose_blocks<T>, dim3(rows), kThreads, sizeof(BestWork) + kWarps * sizeof(float), stream,
                  call);
  });
}

}  // namespace bsbr::cuda
