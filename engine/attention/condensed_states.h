#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "engine/attention/bsbr_config.h"

namespace bsbr {

/// What stands for the blocks of one head: states of log mass biases + q·keys. Of the n keys of a group with
/// their values: the mean key k̃; for the anchor a, a query, bias log Σ e^{a·k} - a·k̃ (at most log n +
/// BlockCondenser::kMostLift) and value Σ softmax(a·k) v, so that mass and value are exact at q = a. The
/// plain estimate, of a = 0, has bias log n. How far a state may mislead says the spread, the variance of a
/// key's elements, mean |k - k̃|² / dim.
struct CondensedStates {
  at::Tensor keys, values;  ///< [blocks · states per block, dim]
  at::Tensor biases;        ///< [blocks · states per block]
  at::Tensor log_sizes;     ///< [blocks · states per block]: log n
  at::Tensor spread;        ///< [blocks · states per block]
  at::Tensor groups;        ///< [blocks · block_size]: which state a key went into
  at::Tensor shares;        ///< [blocks · block_size]: softmax(a·k), the key's part of its state
};

/// Condenses whole blocks: keys, values [blocks · block_size, dim]; anchors [blocks, dim]. Within a block,
/// keys are grouped by similarity (KeyGrouper, which takes the frequencies of rotary keys).
CondensedStates condense(const at::Tensor& keys, const at::Tensor& values, const at::Tensor& anchors,
                         const BsbrConfig& config, const std::vector<float>& rope_frequencies);

}  // namespace bsbr
