#include "engine/kernels/cuda/element.cuh"
#include "engine/kernels/cuda/kernels.h"
#include "engine/kernels/cuda/layout.h"

namespace bsbr::cuda {
namespace {

constexpr int kThreads = 128;

/// A thread block copies one token.
template <class T>
__global__ void append_token(Cache cache, int first, Rows keys, Rows values) {
  const Shape& shape = cache.shape;
  const ChunkLayout layout(shape);
  const int token = first + static_cast<int>(blockIdx.x);
  char* chunk = static_cast<char*>(cache.chunks[token / shape.chunk]);
  const std::size_t row = static_cast<std::size_t>(token % shape.chunk) * shape.dim;
  for (int at = static_cast<int>(threadIdx.x); at < shape.kv_heads * shape.dim; at += kThreads) {
    const int head = at / shape.dim, i = at % shape.dim;
    T* to_key = reinterpret_cast<T*>(chunk + head * layout.head_bytes) + row + i;
    T* to_value = reinterpret_cast<T*>(chunk + layout.values_at + head * layout.head_bytes) + row + i;
    const auto from = [&](const Rows& rows) {
      return static_cast<const T*>(rows.data)[blockIdx.x * rows.token_stride + head * rows.head_stride + i];
    };
    *to_key = from(keys);
    *to_value = from(values);
  }
}

/// Sums the queries of the call's share of one chunk and key-value head, in the tokens' order. A thread has a
/// rotary pair, or one element.
template <class T>
__global__ void sum_chunk(QueryCall call, Turns turns, QuerySums sums) {
  const Shape& shape = call.shape;
  const int group = shape.heads / shape.kv_heads;
  const int chunk = call.first / shape.chunk + static_cast<int>(blockIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y);
  const int begin = max(call.first, chunk * shape.chunk);
  const int end = min(call.first + call.tokens, (chunk + 1) * shape.chunk);
  const bool rotary = turns.frequencies != nullptr;
  const int half = shape.dim / 2;
  const T* queries = static_cast<const T*>(call.queries.data) + kv_head * group * call.queries.head_stride;
  const double* open = sums.open + kv_head * shape.dim;
  double* to = sums.until + (static_cast<std::size_t>(blockIdx.x) * shape.kv_heads + kv_head) * shape.dim;
  const bool goes_on = begin > chunk * shape.chunk;
  for (int i = static_cast<int>(threadIdx.x); i < (rotary ? half : shape.dim); i += kThreads) {
    double x_sum = goes_on ? open[i] : 0;
    double y_sum = goes_on && rotary ? open[i + half] : 0;
    for (int token = begin; token < end; ++token) {
      const T* query = queries + (token - call.first) * call.queries.token_stride + i;
      double x = 0, y = 0;
      for (int g = 0; g < group; ++g, query += call.queries.head_stride) {
        x += static_cast<double>(to_float(query[0]));
        if (rotary) y += static_cast<double>(to_float(query[half]));
      }
      if (rotary) {
        double sine = 0, cosine = 0;
        sincos(-turns.frequencies[i] * token, &sine, &cosine);
        const double turned = x * cosine - y * sine;
        y = y * cosine + x * sine;
        x = turned;
      }
      x_sum += call.scale * x;
      y_sum += call.scale * y;
    }
    to[i] = x_sum;
    if (rotary) to[i + half] = y_sum;
  }
}

/// Turns the sums of chunks into those of all tokens until their ends.
__global__ void add_up_chunks(QueryCall call, QuerySums sums) {
  const Shape& shape = call.shape;
  const int first = call.first / shape.chunk;
  const int end = (call.first + call.tokens) / shape.chunk;
  const int touched = (call.first + call.tokens - 1) / shape.chunk - first + 1;
  for (int i = static_cast<int>(threadIdx.x); i < shape.dim; i += kThreads) {
    const int at = static_cast<int>(blockIdx.x) * shape.dim + i;
    double total = sums.complete[at];
    for (int c = 0; c < touched; ++c) {
      double& until = sums.until[static_cast<std::size_t>(c) * shape.kv_heads * shape.dim + at];
      if (first + c == end) {
        sums.open[at] = until;
      } else {
        total += until;
        until = total;
      }
    }
    sums.complete[at] = total;
  }
}

}  // namespace

int append(const Cache& cache, std::int32_t first, std::int32_t tokens, const Rows& keys, const Rows& values,
           void* stream) {
  return with_element(cache.shape.element, [&](auto element) {
    return launch(append_token<decltype(element)>, dim3(static_cast<unsigned>(tokens)), kThreads, 0, stream,
                  cache, first, keys, values);
  });
}

int add_queries(const QueryCall& call, const Turns& turns, const QuerySums& sums, void* stream) {
  const int touched =
      (call.first + call.tokens - 1) / call.shape.chunk - call.first / call.shape.chunk + 1;
  const int error = with_element(call.shape.element, [&](auto element) {
    return launch(sum_chunk<decltype(element)>,
                  dim3(static_cast<unsigned>(touched), static_cast<unsigned>(call.shape.kv_heads)), kThreads,
                  0, stream, call, turns, sums);
  });
  if (error != 0) return error;
  return launch(add_up_chunks, dim3(static_cast<unsigned>(call.shape.kv_heads)), kThreads, 0, stream, call,
                sums);
}

}  // namespace bsbr::cuda
