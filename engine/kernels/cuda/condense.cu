#include "engine/kernels/cuda/element.cuh"
#include "engine/kernels/cuda/kernels.h"
#include "engine/kernels/cuda/layout.h"
#include "engine/kernels/cuda/warp.cuh"

namespace bsbr::cuda {
namespace {

constexpr int kThreads = 64;
// BlockCondenser's.
constexpr float kMostLift = 20.0F;
constexpr float kLeastSpread = 1e-30F;

/// One block of one key-value head, and the shared memory that it is condensed in.
template <class T>
struct Block {
  int size, dim, groups;
  const T* keys;    // [size, dim]
  const T* values;  // [size, dim]
  float* distance;  // [size, size], squared; between groups: of their farthest keys. Only a < b is kept.
  float* turned;    // [size, dim]
  float *anchor, *logit, *weight, *norm, *away;
  float *group_size, *group_largest, *group_mass;
  int *head, *label;
  unsigned long long* fold;

  __device__ float key(int j, int i) const { return to_float(keys[j * dim + i]); }
};

/// Work of `count` items for all threads of the block.
template <class Work>
__device__ void for_each(int count, const Work& work) {
  for (int at = static_cast<int>(threadIdx.x); at < count; at += kThreads) work(at);
}

/// The query that the block's centre expects (MeanQuery::expect).
template <class T>
__device__ void expect_query(const Block<T>& block, const Turns& turns, const double* until, double queries,
                             double position) {
  const double share = 1 / queries;
  const int half = block.dim / 2;
  if (turns.frequencies == nullptr) {
    for_each(block.dim, [&](int i) { block.anchor[i] = static_cast<float>(share * until[i]); });
    return;
  }
  for_each(half, [&](int i) {
    double sine = 0, cosine = 0;
    sincos(turns.frequencies[i] * position, &sine, &cosine);
    const double real = cosine * turns.mean[i] - sine * turns.mean[i + half];
    const double imaginary = sine * turns.mean[i] + cosine * turns.mean[i + half];
    const double x = share * until[i], y = share * until[i + half];
    block.anchor[i] = static_cast<float>(x * real - y * imaginary);
    block.anchor[i + half] = static_cast<float>(y * real + x * imaginary);
  });
}

/// Distances as KeyGrouper measures them, operation by operation: groups must not hang on the last bit.
template <class T>
__device__ void measure(const Block<T>& block, const Turns& turns) {
  const int b = block.size, half = block.dim / 2;
  for_each(b * block.dim, [&](int at) {
    const int j = at / block.dim, i = at % block.dim;
    float x = block.key(j, i);
    if (turns.back != nullptr) {
      const int pair = i % half;
      const float cosine = turns.back[pair * b + j], sine = turns.back[(half + pair) * b + j];
      const float other = block.key(j, i < half ? i + half : i - half);
      x = i < half ? __fsub_rn(__fmul_rn(x, cosine), __fmul_rn(other, sine))
                   : __fadd_rn(__fmul_rn(x, cosine), __fmul_rn(other, sine));
    }
    block.turned[at] = x;
  });
  __syncthreads();
  for_each(b * b, [&](int at) {
    const int first = at / b, second = at % b;
    if (first > second) return;
    const float* x = block.turned + first * block.dim;
    const float* y = block.turned + second * block.dim;
    float sum = 0;
    for (int i = 0; i < block.dim; ++i) {
      const float difference = first == second ? x[i] : __fsub_rn(y[i], x[i]);
      sum = __fadd_rn(sum, __fmul_rn(difference, difference));
    }
    if (first == second) block.norm[first] = sum;
    block.distance[at] = first == second ? 0.0F : sum;
  });
  __syncthreads();
}

template <class T>
__device__ void round_distances(const Block<T>& block) {
  constexpr int kBits = 12;
  constexpr float kLeast = 1.0F / 16;
  const int b = block.size;
  float largest = 0;
  for_each(b * b, [&](int at) {
    if (at / b < at % b) largest = fmaxf(largest, block.distance[at]);
  });
  for_each(b, [&](int j) { largest = fmaxf(largest, kLeast * block.norm[j]); });
  largest = block_max(largest, reinterpret_cast<float*>(block.fold));
  if (largest == 0 || !(largest < __uint_as_float(0x7f800000U))) return;
  int exponent = 0;
  frexpf(largest, &exponent);
  const float step = ldexpf(1.0F, exponent - kBits);
  for_each(b * b, [&](int at) {
    if (at / b < at % b) block.distance[at] = rintf(block.distance[at] / step) * step;
  });
  __syncthreads();
}

/// Joins the nearest two groups; of equals the earliest.
template <class T>
__device__ void join_nearest(const Block<T>& block) {
  const int b = block.size;
  unsigned long long best = ~0ULL;
  for_each(b * b, [&](int at) {
    const int first = at / b, second = at % b;
    if (first >= second || block.head[first] != first || block.head[second] != second) return;
    unsigned bits = __float_as_uint(block.distance[at]);
    if (bits > 0x7f800000U) bits = 0x7f800000U;  // NaN
    const unsigned long long rank = static_cast<unsigned long long>(bits) << 32 | static_cast<unsigned>(at);
    if (rank < best) best = rank;
  });
  best = block_min(best, block.fold);
  const int first = static_cast<int>(best & 0xffffffffU) / b;
  const int second = static_cast<int>(best & 0xffffffffU) % b;
  for_each(b, [&](int j) {
    if (block.head[j] == second) block.head[j] = first;
    if (j == first || j == second) return;
    float& to_first = block.distance[min(first, j) * b + max(first, j)];
    const float to_second = block.distance[min(second, j) * b + max(second, j)];
    if (to_first < to_second) to_first = to_second;
  });
  __syncthreads();
}

template <class T>
__device__ void group_keys(const Block<T>& block, const Turns& turns) {
  const int b = block.size;
  for_each(b, [&](int j) { block.head[j] = j; });
  __syncthreads();
  if (block.groups > 1 && block.groups < b) {
    measure(block, turns);
    round_distances(block);
    for (int left = b; left > block.groups; --left) join_nearest(block);
  }
  if (threadIdx.x == 0) {
    int next = 0;
    for (int j = 0; j < b; ++j) {
      const bool is_first = block.groups > 1 ? block.head[j] == j : j == 0;
      block.label[j] = is_first ? next++ : block.groups > 1 ? block.label[block.head[j]] : 0;
    }
  }
  __syncthreads();
}

template <class T>
__device__ void weigh(const Block<T>& block) {
  for_each(block.size, [&](int j) {
    float sum = 0;
    for (int i = 0; i < block.dim; ++i) sum += block.anchor[i] * block.key(j, i);
    block.logit[j] = sum;
  });
  __syncthreads();
  for_each(block.groups, [&](int s) {
    float size = 0, largest = never(), mass = 0;
    for (int j = 0; j < block.size; ++j) {
      if (block.label[j] != s) continue;
      size += 1;
      largest = fmaxf(largest, block.logit[j]);
    }
    for (int j = 0; j < block.size; ++j) {
      if (block.label[j] != s) continue;
      block.weight[j] = expf(block.logit[j] - largest);
      mass += block.weight[j];
    }
    block.group_size[s] = size;
    block.group_largest[s] = largest;
    block.group_mass[s] = mass;
  });
  __syncthreads();
}

/// Writes the states of a block: `first` is the number of the first of them in its chunk.
template <class T>
__device__ void write_states(const Block<T>& block, const StateLayout& layout, char* to, int first) {
  const int dim = block.dim;
  T* state_keys = reinterpret_cast<T*>(to + layout.keys_at) + first * dim;
  T* state_values = reinterpret_cast<T*>(to + layout.values_at) + first * dim;
  for_each(block.groups * dim, [&](int at) {
    const int s = at / dim, i = at % dim;
    const float share = 1.0F / block.group_size[s];
    float key = 0, value = 0;
    for (int j = 0; j < block.size; ++j) {
      if (block.label[j] != s) continue;
      key += share * block.key(j, i);
      value += block.weight[j] / block.group_mass[s] * to_float(block.values[j * dim + i]);
    }
    state_keys[at] = from_float<T>(key);
    state_values[at] = from_float<T>(value);
  });
  __syncthreads();
  for_each(block.size, [&](int j) {
    const T* state = state_keys + block.label[j] * dim;
    float away = 0;
    for (int i = 0; i < dim; ++i) {
      const float difference = block.key(j, i) - to_float(state[i]);
      away += difference * difference;
    }
    block.away[j] = away;
  });
  __syncthreads();
  for_each(block.groups, [&](int s) {
    // Of the key as it is stored, so that mass is exact at the anchor whatever the element.
    float product = 0, spread = 0;
    for (int i = 0; i < dim; ++i) product += block.anchor[i] * to_float(state_keys[s * dim + i]);
    for (int j = 0; j < block.size; ++j) {
      if (block.label[j] == s) spread += block.away[j] / (block.group_size[s] * static_cast<float>(dim));
    }
    // One key is its own state, but for rounding.
    if (block.group_size[s] == 1.0F) spread = 0;
    const float log_size = logf(block.group_size[s]);
    const float bias =
        fminf(logf(block.group_mass[s]) + (block.group_largest[s] - product), log_size + kMostLift);
    reinterpret_cast<float*>(to + layout.bias_at)[first + s] = bias;
    reinterpret_cast<float*>(to + layout.log_size_at)[first + s] = log_size;
    reinterpret_cast<float*>(to + layout.log_spread_at)[first + s] =
        logf(fmaxf(spread, kLeastSpread)) + (log_size - bias);
  });
  __syncthreads();
}

std::size_t shared_bytes(const Shape& shape) {
  return sizeof(unsigned long long) * (kThreads / kWarp) +
         sizeof(float) * static_cast<std::size_t>(shape.dim + 6 * shape.block + 3 * shape.states);
}

/// A thread block makes the states of one block after the other.
template <class T>
__global__ void condense_blocks(CondenseCall call) {
  const Shape& shape = call.cache.shape;
  const ChunkLayout chunk_layout(shape);
  const StateLayout state_layout(shape);
  const int per_chunk = shape.chunk / shape.block;
  const int kv_head = static_cast<int>(blockIdx.y);
  const std::size_t worker = static_cast<std::size_t>(blockIdx.y) * gridDim.x + blockIdx.x;

  Block<T> block{};
  block.size = shape.block;
  block.dim = shape.dim;
  block.groups = shape.states;
  block.distance = call.work + worker * block.size * (block.size + block.dim);
  block.turned = block.distance + static_cast<std::size_t>(block.size) * block.size;
  char* memory = shared_memory();
  block.fold = reinterpret_cast<unsigned long long*>(memory);
  float* next = reinterpret_cast<float*>(block.fold + kThreads / kWarp);
  const auto take = [&](int floats) {
    float* part = next;
    next += floats;
    return part;
  };
  block.anchor = take(block.dim);
  block.logit = take(block.size);
  block.weight = take(block.size);
  block.norm = take(block.size);
  block.away = take(block.size);
  block.group_size = take(block.groups);
  block.group_largest = take(block.groups);
  block.group_mass = take(block.groups);
  block.head = reinterpret_cast<int*>(take(block.size));
  block.label = reinterpret_cast<int*>(take(block.size));

  for (int at = static_cast<int>(blockIdx.x); at < (call.end - call.first) * per_chunk;
       at += static_cast<int>(gridDim.x)) {
    const int c = call.first + at / per_chunk, in_chunk = at % per_chunk;
    const char* chunk = static_cast<const char*>(call.cache.chunks[c]) + kv_head * chunk_layout.head_bytes;
    const std::size_t row = static_cast<std::size_t>(in_chunk) * block.size * block.dim;
    block.keys = reinterpret_cast<const T*>(chunk) + row;
    block.values = reinterpret_cast<const T*>(chunk + chunk_layout.values_at) + row;
    const double* until =
        call.until + (static_cast<std::size_t>(c - call.first) * shape.kv_heads + kv_head) * shape.dim;
    const double queries =
        (c + 1.0) * static_cast<double>(shape.chunk) * static_cast<double>(shape.heads / shape.kv_heads);
    const double position = static_cast<double>(c) * shape.chunk + in_chunk * block.size +
                            static_cast<double>(block.size - 1) / 2;
    expect_query(block, call.turns, until, queries, position);
    group_keys(block, call.turns);
    weigh(block);
    write_states(block, state_layout,
                 static_cast<char*>(call.cache.states[c]) + kv_head * state_layout.head_bytes,
                 in_chunk * block.groups);
  }
}

/// The plain state of a whole chunk.
template <class T>
__global__ void condense_chunk(CondenseCall call) {
  const Shape& shape = call.cache.shape;
  const ChunkLayout chunk_layout(shape);
  const StateLayout state_layout(shape);
  const int c = call.first + static_cast<int>(blockIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y);
  const char* chunk = static_cast<const char*>(call.cache.chunks[c]) + kv_head * chunk_layout.head_bytes;
  const T* keys = reinterpret_cast<const T*>(chunk);
  const T* values = reinterpret_cast<const T*>(chunk + chunk_layout.values_at);
  char* to = static_cast<char*>(call.cache.states[c]) + kv_head * state_layout.head_bytes;
  const float share = 1.0F / static_cast<float>(shape.chunk);
  for_each(shape.dim, [&](int i) {
    float key = 0, value = 0;
    for (int j = 0; j < shape.chunk; ++j) {
      key += share * to_float(keys[j * shape.dim + i]);
      value += share * to_float(values[j * shape.dim + i]);
    }
    reinterpret_cast<float*>(to + state_layout.chunk_key_at)[i] = key;
    reinterpret_cast<float*>(to + state_layout.chunk_value_at)[i] = value;
  });
}

}  // namespace

std::size_t least_shared_of_condense(const Shape& shape) {
  return shared_bytes(shape);
}

int condense(const CondenseCall& call, void* stream) {
  const Shape& shape = call.cache.shape;
  const auto chunks = static_cast<unsigned>(call.end - call.first);
  const auto kv_heads = static_cast<unsigned>(shape.kv_heads);
  return with_element(shape.element, [&](auto element) {
    using T = decltype(element);
    const unsigned blocks = chunks * static_cast<unsigned>(shape.chunk / shape.block);
    const unsigned workers = std::min(blocks, static_cast<unsigned>(call.workers));
    const int error = launch(condense_blocks<T>, dim3(workers, kv_heads), kThreads, shared_bytes(shape),
                             stream, call);
    if (error != 0) return error;
    return launch(condense_chunk<T>, dim3(chunks, kv_heads), kThreads, 0, stream, call);
  });
}

}  // namespace bsbr::cuda
