#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "engine/attention/bsbr_config.h"
#include "engine/attention/condensed_states.h"

namespace bsbr {

/// What queries of one head read of the tokens up to the last of them, and why. Tokens [0, sink) and from
/// `recent` on are near; between them lie the far blocks.
struct Selection {
  std::int64_t sink, recent;
  at::Tensor logits;     ///< [queries, tokens]: q·k of every pair; -inf for what comes after the query
  at::Tensor exact;      ///< [queries, tokens], bool: read exactly, being near or retrieved
  at::Tensor retrieved;  ///< [queries, far blocks], bool
  /// [queries, far blocks]: logarithm of what is held against HeadPlan::threshold; -inf for blocks of chunks
  /// that are no candidates. Undefined where a plan leaves nothing to choose.
  at::Tensor scores;
  /// [queries, states]: log masses of what stands for the rest, first the states of far blocks, then those of
  /// chunks; -inf for those that are not read. Undefined, as the values are, where no states are read.
  at::Tensor state_logits;
  at::Tensor state_values;  ///< [states, dim]
};

/// Decides what the queries of one head read of one sequence: the rule of BSBR, plainly over tensors.
class Selector {
 public:
  /// keys, values [tokens, dim] of one sequence; anchors [blocks, dim] of all its complete chunks;
  /// `rope_frequencies` as in AttentionShape.
  Selector(at::Tensor keys, at::Tensor values, const at::Tensor& anchors, const BsbrConfig& config,
           const std::vector<float>& rope_frequencies);

  /// query [queries, dim], scaled, of the positions, which rise and lie in one chunk.
  [[nodiscard]] Selection select(const at::Tensor& query, std::span<const std::int64_t> positions,
                                 const HeadPlan& plan) const;

  /// [queries, tokens]: what the queries weigh each token with, all of it one softmax: exact pairs with their
  /// own weight, the others with their part of their state's (of a chunk's state, equal parts; 0 where
  /// nothing stands for them). These weights times the values are the attention's output.
  [[nodiscard]] at::Tensor weights(const Selection& selection) const;

 private:
  /// Fills the states of a selection, of all far blocks. Returns [queries, states]: logarithms of what each
  /// adds to its block's score, but for the total that they share.
  at::Tensor weigh_states(const at::Tensor& query, const HeadPlan& plan, Selection& selection) const;
  void choose_blocks(const at::Tensor& terms, const HeadPlan& plan, Selection& selection) const;

  BsbrConfig config_;
  at::Tensor keys_, values_;
  CondensedStates states_;                // of all blocks that are far from the last token
  at::Tensor chunk_keys_, chunk_values_;  // means of the same chunks
};

}  // namespace bsbr
