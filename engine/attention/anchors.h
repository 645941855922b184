#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "engine/attention/attention.h"

namespace bsbr {

/// The queries at which condensed states are exact, plainly over tensors: what MeanQuery says for every
/// block's centre, of a block of chunk c by all queries up to the end of c. Of one sequence in one layer.
class Anchors {
 public:
  Anchors(const AttentionShape& shape, const BsbrConfig& config) : shape_(shape), config_(config) {}

  /// Counts the next tokens' queries [N, heads, dim], times `scale`.
  void append(const at::Tensor& query, double scale);
  /// [blocks, dim], of every block of a complete chunk.
  [[nodiscard]] at::Tensor of(std::int64_t kv_head) const;
  /// Memory that it holds.
  [[nodiscard]] std::int64_t bytes() const;

 private:
  /// x [n, …, dim] times e^{iω·positions} of [n].
  [[nodiscard]] at::Tensor turned(const at::Tensor& x, const at::Tensor& positions) const;

  AttentionShape shape_;
  BsbrConfig config_;
  std::int64_t tokens_ = 0;
  at::Tensor sum_;                 // [kv_heads, dim], double, as if all queries stood at position 0
  std::vector<at::Tensor> means_;  // of each complete chunk, the same up to its end
};

}  // namespace bsbr
