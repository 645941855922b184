#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "engine/attention/bsbr_config.h"

namespace bsbr {

/// What stands for the blocks of one head: states of log mass log_sizes + q·keys. For the n keys of a group:
/// their mean key, their mean value, log n; and how far the mean may mislead: their spread, the variance of a
/// key's elements, mean |k - k̃|² / dim.
struct CondensedStates {
  at::Tensor keys, values;  ///< [blocks · states per block, dim]
  at::Tensor log_sizes;     ///< [blocks · states per block]
  at::Tensor spread;        ///< [blocks · states per block]
};

/// Condenses whole blocks: keys, values [blocks · block_size, dim]. Within a block, keys are grouped by
/// similarity (KeyGrouper, which takes the frequencies of rotary keys).
CondensedStates condense(const at::Tensor& keys, const at::Tensor& values, const BsbrConfig& config,
                         const std::vector<float>& rope_frequencies);

}  // namespace bsbr
