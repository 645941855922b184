#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "engine/kernels/cpu/buffer.h"
#include "engine/kernels/cpu/group_keys.h"
#include "engine/kernels/cpu/mean_queries.h"

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
};

/// Keys and values of one sequence in one layer, chunk by chunk, with the condensed states of complete
/// chunks. Grows without moving what is there. A block's b tokens are grouped by the similarity of their keys
/// (KeyGrouper) into b / f groups, and each group of n keys k_j with values v_j has a state of log mass
/// ℓ + q·k̃: k̃ is the mean key, and ℓ = log Σ e^{a·k_j} - a·k̃ makes that exact at the query a, the anchor.
/// Its value is what a reads of the group, ṽ = Σ p_j v_j with p = softmax(a·k_j). The anchor is the query
/// that the block's centre expects (MeanQueries, over all tokens up to the chunk's end), and ℓ at most log n
/// + kMostLift. At a = 0 this would be the plain estimate log n + q·k̃ with the mean value, never above the
/// true mass; that decides what is retrieved, since an anchored estimate hides what a query far from the
/// anchor looks for. The spread of a group, mean |k - k̃|² / dim, says how far its state may mislead. Every
/// complete chunk has one more state, a plain one, for the whole of it. Not thread-safe while appending.
class KvStore {
 public:
  /// `frequencies`: of rotary queries and keys, as KeyGrouper takes them.
  explicit KvStore(const KvLayout& layout, const std::vector<float>& frequencies = {});

  /// Appends `tokens` rows; `scale` multiplies q·k.
  void append(const TokenRows& queries, const TokenRows& keys, const TokenRows& values, std::size_t tokens,
              double scale);
  [[nodiscard]] std::size_t tokens() const { return tokens_; }
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
  /// [dim, state_stride], transposed. Complete chunks only, as below.
  [[nodiscard]] const float* state_keys(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_keys_at_);
  }
  /// [states_per_chunk, value_stride].
  [[nodiscard]] const float* state_values(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_values_at_);
  }
  /// Unlike the plain estimate, an anchored one may lie above the true mass. This far, it leaves the masses
  /// of everything else within reach of float when its block is retrieved.
  static constexpr float kMostLift = 20.0F;
  /// [states_per_chunk]: ℓ of each.
  [[nodiscard]] const float* state_bias(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_bias_at_);
  }
  /// [states_per_chunk]: log n of each, the bias of the plain estimate.
  [[nodiscard]] const float* state_log_size(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_log_size_at_);
  }
  /// [states_per_chunk]: spread · n e^{-ℓ}, which times the mass of the state is the spread times the plain
  /// estimate of it. One state_stride further its logarithm, with kLeastSpread for the 0 of a single key.
  static constexpr float kLeastSpread = 1e-30F;
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
  /// Of a block's keys, those that share a state.
  struct Group {
    float size = 0;
    float logits = 0;                                         // Σ a·k
    float largest = -std::numeric_limits<float>::infinity();  // a·k
    float mass = 0;                                           // Σ e^{a·k - largest}
  };

  void add_chunk();
  void condense(std::size_t chunk);
  /// Fills weights_ and groups_of_block_ of a block's keys, transposed; `group` says for each which it is in.
  void weigh(const float* keys, const std::vector<std::int32_t>& group, const float* anchor);
  /// `anchor` [dim].
  void condense_block(std::size_t chunk, std::size_t head, std::size_t block, const float* anchor);
  /// The one state for the whole of it.
  void condense_chunk(std::size_t chunk, std::size_t head);

  KvLayout layout_;
  std::size_t tokens_ = 0;
  std::size_t states_, key_stride_, state_stride_, value_stride_;
  std::size_t values_at_, state_keys_at_, state_values_at_, state_bias_at_, state_log_size_at_,
      state_spread_at_, head_floats_, head_state_floats_;
  std::vector<Buffer> chunks_;  // keys and values; empty: forgotten
  std::vector<Buffer> chunk_states_;
  std::vector<Buffer> groups_;
  std::size_t forgotten_ = 0;  // chunks before it have been given back, where they may be
  KeyGrouper grouper_;
  MeanQueries mean_queries_;
  // Of the block that is condensed:
  std::vector<Group> groups_of_block_;
  std::vector<float> weights_;  // [keys]: a·k, then e^{a·k - largest of the group}
};

}  // namespace bsbr
