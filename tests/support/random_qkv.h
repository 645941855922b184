#pragma once

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "engine/attention/attention.h"

/// What attention is tested with.
namespace bsbr::test {

/// Queries [tokens, heads, dim], keys and values [tokens, kv_heads, dim].
struct Qkv {
  at::Tensor query, key, value;
  [[nodiscard]] Qkv narrow(std::int64_t begin, std::int64_t count) const {
    return {query.narrow(0, begin, count), key.narrow(0, begin, count), value.narrow(0, begin, count)};
  }
  [[nodiscard]] Qkv to(at::ScalarType type) const { return {query.to(type), key.to(type), value.to(type)}; }
};

/// Slices of one projection, as a decoder hands them over: strided, not contiguous. The queries of a head
/// have a direction in common.
inline Qkv random_qkv(const AttentionShape& shape, std::int64_t tokens, std::uint64_t seed) {
  at::manual_seed(seed);
  const std::int64_t d = shape.head_dim;
  const at::Tensor all = at::randn({tokens, (shape.heads + 2 * shape.kv_heads) * d}) * 1.5;
  all.narrow(1, 0, shape.heads * d).add_(at::randn({1, shape.heads * d}));
  const auto part = [&](std::int64_t begin, std::int64_t heads) {
    return all.narrow(1, begin * d, heads * d).view({tokens, heads, d});
  };
  return {part(0, shape.heads), part(shape.heads, shape.kv_heads),
          part(shape.heads + shape.kv_heads, shape.kv_heads)};
}

/// Largest difference over largest expected magnitude.
inline double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

}  // namespace bsbr::test
