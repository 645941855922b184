#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "engine/kernels/cpu/group_keys.h"

namespace bsbr {

/// Where a block's keys and values lie, and where its states go, which must be 0 before.
struct BlockToCondense {
  const float* keys;    ///< [dim, key_stride], transposed: those of the block in columns [0, b)
  const float* values;  ///< [b, value_stride]
  const float* anchor;  ///< [dim], scaled as queries are
  float* state_keys;    ///< [dim, state_stride], transposed: b / f columns
  float* state_values;  ///< [b / f, value_stride]
  float* bias;          ///< [b / f], as the three below: KvStore says what they are
  float* log_size;
  float* spread;
  float* log_spread;
};

/// Makes the condensed states of blocks. Not thread-safe; owns the scratch memory of one thread.
class BlockCondenser {
 public:
  /// Unlike the plain estimate, an anchored one may lie above the true mass. This far, it leaves the masses
  /// of everything else within reach of float when its block is retrieved.
  static constexpr float kMostLift = 20.0F;
  /// Stands for the spread of a single key, 0, where its logarithm is needed.
  static constexpr float kLeastSpread = 1e-30F;

  struct Layout {
    std::size_t dim, block, states;  ///< states of a block
    std::size_t key_stride, value_stride, state_stride;
  };
  /// `frequencies`: of rotary keys, as KeyGrouper takes them.
  BlockCondenser(const Layout& layout, const std::vector<float>& frequencies);

  void condense(const BlockToCondense& block);

 private:
  /// Of a block's keys, those that share a state.
  struct Group {
    float size = 0;
    float logits = 0;                                         // Σ a·k
    float largest = -std::numeric_limits<float>::infinity();  // a·k
    float mass = 0;                                           // Σ e^{a·k - largest}
  };
  /// Fills weights_ and groups_; `group` says of each key which it is in.
  void weigh(const BlockToCondense& block, const std::vector<std::int32_t>& group);

  Layout layout_;
  KeyGrouper grouper_;
  std::vector<Group> groups_;
  std::vector<float> weights_;  // [keys]: a·k, then e^{a·k - largest of the group}
};

}  // namespace bsbr
