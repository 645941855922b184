#include "engine/attention/anchors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "engine/kernels/cpu/mean_query.h"

namespace bsbr {
namespace {

/// Pairs (i, i + n) of the last dimension times real + i·imaginary [.., n].
at::Tensor multiplied(const at::Tensor& x, const at::Tensor& real, const at::Tensor& imaginary) {
  const std::int64_t last = x.dim() - 1;
  const std::int64_t half = real.size(-1);
  const at::Tensor first = x.narrow(last, 0, half);
  const at::Tensor second = x.narrow(last, half, half);
  return at::cat({first * real - second * imaginary, second * real + first * imaginary}, last);
}

}  // namespace

at::Tensor Anchors::turned(const at::Tensor& x, const at::Tensor& positions) const {
  if (shape_.rope_frequencies.empty()) return x;
  const at::Tensor frequencies = at::tensor(shape_.rope_frequencies, x.options());
  at::Tensor angles = positions.unsqueeze(1) * frequencies;
  while (angles.dim() < x.dim()) angles = angles.unsqueeze(1);
  return multiplied(x, angles.cos(), angles.sin());
}

void Anchors::append(const at::Tensor& query, double scale) {
  const std::int64_t group = shape_.heads / shape_.kv_heads;
  const at::TensorOptions options = query.options().dtype(at::kDouble);
  if (!sum_.defined()) sum_ = at::zeros({shape_.kv_heads, shape_.head_dim}, options);
  for (std::int64_t begin = 0; begin < query.size(0);) {
    const std::int64_t count =
        std::min(config_.chunk_size - tokens_ % config_.chunk_size, query.size(0) - begin);
    const at::Tensor heads =
        query.narrow(0, begin, count).to(at::kDouble).reshape({count, shape_.kv_heads, group, -1}).sum(2);
    sum_ = sum_ + scale * turned(heads, -at::arange(tokens_, tokens_ + count, options)).sum(0);
    tokens_ += count;
    begin += count;
    if (tokens_ % config_.chunk_size == 0) means_.push_back(sum_ / static_cast<double>(tokens_ * group));
  }
}

at::Tensor Anchors::of(std::int64_t kv_head) const {
  if (means_.empty()) return at::empty({0, shape_.head_dim});
  const std::int64_t b = config_.block_size;
  at::Tensor mean = at::stack(means_).select(1, kv_head).repeat_interleave(config_.chunk_size / b, 0);
  if (!shape_.rope_frequencies.empty()) {
    const PairFactors turn = mean_turns(shape_.rope_frequencies);
    mean =
        multiplied(mean, at::tensor(turn.real, mean.options()), at::tensor(turn.imaginary, mean.options()));
  }
  const at::Tensor begins = at::arange(0, mean.size(0) * b, b, mean.options());
  return turned(mean, begins + static_cast<double>(b - 1) / 2).to(at::kFloat);
}

std::int64_t Anchors::bytes() const {
  std::int64_t sum = 0;
  for (const at::Tensor& mean : means_) sum += static_cast<std::int64_t>(mean.nbytes());
  return sum;
}

}  // namespace bsbr
