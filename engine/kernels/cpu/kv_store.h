#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kernels/cpu/block_condenser.h"
#include "engine/kernels/cpu/buffer.h"
#include "engine/kernels/cpu/mean_query.h"

namespace bsbr {

/// Sizes that the layout of keys, values and condensed states depends on.
struct KvLayout {
  std::size_t heads;  ///< of queries; a multiple of kv_heads
  std::size_t kv_heads;
  std::size_t dim;          ///< of a key and of a value
  std::size_t chunk;        ///< tokens a chunk, C
  std::size_t block;        ///< tokens a block, b; divides C
  std::size_t compression;  ///< f; divides b: a block has b / f condensed states
};

/// A vector of each token and head: element i at data[token · token_stride + head · head_stride + i].
struct TokenRows {
  const float* data;
  std::size_t token_stride, head_stride;

  [[nodiscard]] const float* of(std::size_t token, std::size_t head) const {
    return data + token * token_stride + head * head_stride;
  }
  [[nodiscard]] TokenRows after(std::size_t tokens) const {
    return {of(tokens, 0), token_stride, head_stride};
  }
};

/// Keys and values of one sequence in one layer, chunk by chunk, with the condensed states of complete
/// chunks, which are made once they are wanted. Grows without moving what is there. A block's b tokens are
/// grouped by the similarity of their keys (KeyGrouper) into b / f groups, and each group of n keys k_j with
/// values v_j has a state of log mass ℓ + q·k̃: k̃ is the mean key, and ℓ = log Σ e^{a·k_j} - a·k̃ makes that
/// exact at the query a, the anchor. Its value is what a reads of the group, ṽ = Σ p_j v_j with p =
/// softmax(a·k_j). The anchor is the query that the block's centre expects (MeanQuery, over all tokens up to
/// the chunk's end), and ℓ at most log n
/// + BlockCondenser::kMostLift. At a = 0 this would be the plain estimate log n + q·k̃ with the mean value,
/// never above the true mass; that decides what is retrieved, since an anchored estimate hides what a query
/// far from the anchor looks for. The spread of a group, mean |k - k̃|² / dim, says how far its state may
/// mislead. Every complete chunk has one more state, a plain one, for the whole of it. Not thread-safe while
/// appending.
class KvStore {
 public:
  /// `frequencies`: of rotary queries and keys, as KeyGrouper takes them.
  explicit KvStore(const KvLayout& layout, const std::vector<float>& frequencies = {});

  /// Appends `tokens` rows, on all threads; `scale` multiplies q·k.
  void append(const TokenRows& queries, const TokenRows& keys, const TokenRows& values, std::size_t tokens,
              double scale);
  [[nodiscard]] std::size_t tokens() const { return tokens_; }
  /// Makes the states of the chunks before `end` that have none yet, on all threads; these must be complete.
  void make_states(std::size_t end);
  /// Gives back the keys and values of chunks [first, end), which must be complete; their states stay. What
  /// lies there is not to be read any more.
  void forget(std::size_t first, std::size_t end);
  /// Memory that is held.
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] const KvLayout& layout() const { return layout_; }

  [[nodiscard]] std::size_t states_per_chunk() const { return states_; }
  /// Floats from one dimension of a chunk's transposed keys to the next.
  [[nodiscard]] std::size_t key_stride() const { return key_stride_; }
  [[nodiscard]] std::size_t state_stride() const { return state_stride_; }
  /// Floats from one value to the next.
  [[nodiscard]] std::size_t value_stride() const { return value_stride_; }

  /// [dim, key_stride], transposed: token t of the chunk in column t.
  [[nodiscard]] const float* keys(std::size_t chunk, std::size_t head) const { return part(chunk, head, 0); }
  /// [chunk, value_stride].
  [[nodiscard]] const float* values(std::size_t chunk, std::size_t head) const {
    return part(chunk, head, values_at_);
  }
  /// [dim, state_stride], transposed. Of chunks that have states, as all below.
  [[nodiscard]] const float* state_keys(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_keys_at_);
  }
  /// [states_per_chunk, value_stride].
  [[nodiscard]] const float* state_values(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_values_at_);
  }
  /// [states_per_chunk]: ℓ of each.
  [[nodiscard]] const float* state_bias(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_bias_at_);
  }
  /// [states_per_chunk]: log n of each, the bias of the plain estimate.
  [[nodiscard]] const float* state_log_size(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_log_size_at_);
  }
  /// [states_per_chunk]: spread · n e^{-ℓ}, which times the mass of the state is the spread times the plain
  /// estimate of it. One state_stride further its logarithm, with BlockCondenser::kLeastSpread for the 0 of a
  /// single key.
  [[nodiscard]] const float* state_spread(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_spread_at_);
  }
  /// Mean keys of kGroup chunks, transposed: [dim, kGroup]; chunk c in column c % kGroup of group c / kGroup.
  static constexpr std::size_t kGroup = 16;
  [[nodiscard]] const float* chunk_keys(std::size_t group, std::size_t head) const;
  /// Mean values of kGroup chunks: [kGroup, value_stride].
  [[nodiscard]] const float* chunk_values(std::size_t group, std::size_t head) const;

 private:
  [[nodiscard]] float* part(std::size_t chunk, std::size_t head, std::size_t at) const {
    return chunks_[chunk].floats() + head * head_floats_ + at;
  }
  [[nodiscard]] float* state_part(std::size_t chunk, std::size_t head, std::size_t at) const {
    return chunk_states_[chunk].floats() + head * head_state_floats_ + at;
  }
  /// [dim].
  [[nodiscard]] float* anchor(std::size_t chunk, std::size_t head, std::size_t block) const {
    return anchors_[chunk].floats() + (head * blocks_ + block) * layout_.dim;
  }
  void add_chunk();
  void add_states();
  /// Zeroes what a new chunk does not get from its first `tokens`: keys are read in whole vectors, and
  /// padding of values must stay 0.
  void clear_rest(std::size_t chunk, std::size_t tokens);
  /// Copies the first `count` keys and values, at most kPad, to the place of the tokens from `token` on,
  /// which lie in one chunk.
  void put(std::size_t token, std::size_t count, std::size_t head, const TokenRows& keys,
           const TokenRows& values);
  /// Fills the anchors of a chunk that has just become complete.
  void expect_queries(std::size_t chunk, std::size_t head);
  void condense(std::size_t chunk, std::size_t head, BlockCondenser& condenser);
  /// The one state for the whole of it.
  void condense_chunk(std::size_t chunk, std::size_t head);

  KvLayout layout_;
  std::size_t tokens_ = 0;
  std::size_t blocks_;  // of a chunk
  std::size_t states_, key_stride_, state_stride_, value_stride_;
  std::size_t values_at_, state_keys_at_, state_values_at_, state_bias_at_, state_log_size_at_,
      state_spread_at_, head_floats_, head_state_floats_;
  std::vector<Buffer> chunks_;   // keys and values; empty: forgotten
  std::vector<Buffer> anchors_;  // [kv_heads, blocks, dim] of each chunk; empty: it has states
  std::vector<Buffer> chunk_states_;
  std::vector<Buffer> groups_;
  std::size_t forgotten_ = 0;  // chunks before it have been given back, where they may be
  std::vector<float> frequencies_;
  std::vector<MeanQuery> mean_queries_;  // [kv_heads]
};

}  // namespace bsbr
