#pragma once

#include <cstddef>
#include <vector>

#include "engine/kernels/cpu/buffer.h"
#include "engine/kernels/cpu/group_keys.h"

namespace bsbr {

/// Sizes that the layout of keys, values and condensed states depends on.
struct KvLayout {
  std::size_t kv_heads;
  std::size_t dim;          ///< of a key and of a value
  std::size_t chunk;        ///< tokens a chunk, C
  std::size_t block;        ///< tokens a block, b; divides C
  std::size_t compression;  ///< f; divides b: a block has b / f condensed states
};

/// Keys and values of one sequence in one layer, chunk by chunk, with the condensed states of complete
/// chunks. Grows without moving what is there. A block's b tokens are grouped by the similarity of their keys
/// (KeyGrouper) into b / f groups, and each group of n has a state: its mean key k̃ and mean value ṽ, of log
/// mass log n + q·k̃ (the tangent of log Σ e^{q·k} at q = 0, never above it), and a spread, mean |k - k̃|² /
/// dim: how far that may mislead. Every complete chunk has one more state for the whole of it. Not
/// thread-safe while appending.
class KvStore {
 public:
  /// `frequencies`: of rotary keys, as KeyGrouper takes them.
  explicit KvStore(const KvLayout& layout, std::vector<float> frequencies = {});

  /// Appends `tokens` rows; element (t, head, i) lies at t · token_stride + head · head_stride + i.
  void append(const float* keys, const float* values, std::size_t tokens, std::size_t key_token_stride,
              std::size_t key_head_stride, std::size_t value_token_stride, std::size_t value_head_stride);
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
  /// [states_per_chunk]: log n of each.
  [[nodiscard]] const float* state_bias(std::size_t chunk, std::size_t head) const {
    return state_part(chunk, head, state_bias_at_);
  }
  /// [states_per_chunk], and one state_stride further its logarithm, for a single key's 0 that of
  /// kLeastSpread.
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
  void add_chunk();
  void condense(std::size_t chunk, std::size_t head);
  void condense_block(std::size_t chunk, std::size_t head, std::size_t block);

  KvLayout layout_;
  std::size_t tokens_ = 0;
  std::size_t states_, key_stride_, state_stride_, value_stride_;
  std::size_t values_at_, state_keys_at_, state_values_at_, state_bias_at_, state_spread_at_, head_floats_,
      head_state_floats_;
  std::vector<Buffer> chunks_;  // keys and values; empty: forgotten
  std::vector<Buffer> chunk_states_;
  std::vector<Buffer> groups_;
  std::size_t forgotten_ = 0;  // chunks before it have been given back, where they may be
  KeyGrouper grouper_;
  std::vector<std::size_t> sizes_;  // of a block's groups
};

}  // namespace bsbr
