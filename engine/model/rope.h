#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "engine/model/model_config.h"

namespace bsbr {

/// Rotary position embedding (https://arxiv.org/abs/2104.09864): pairs (i, i + dim/2) of a head's dimensions
/// are turned by position · frequency_i. Frequencies are scaled as the rope type says.
class Rope {
 public:
  Rope(const RopeConfig& config, std::int64_t head_dim, at::Device device);

  struct Turn {
    at::Tensor cosine, sine;  ///< [tokens, 1, head_dim / 2]
  };
  /// [head_dim / 2], radians a position.
  [[nodiscard]] std::vector<float> frequencies() const;
  /// For tokens at these positions.
  [[nodiscard]] Turn at_positions(const at::Tensor& positions) const;

 private:
  at::Tensor frequency_;  // [head_dim / 2]
};

/// x [tokens, heads, head_dim], turned.
at::Tensor rotate(const at::Tensor& x, const Rope::Turn& turn);

}  // namespace bsbr
