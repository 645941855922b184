#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kernels/cpu/buffer.h"
#include "engine/kernels/cpu/kv_store.h"
#include "engine/kernels/cpu/micro.h"
#include "engine/kernels/cpu/row_lists.h"
#include "engine/kernels/zones.h"

namespace bsbr {

/// What every head reads, in tokens and chunks.
struct BsbrReach {
  std::size_t retrieve;          ///< the most that any head retrieves; a multiple of the block
  std::size_t window;            ///< chunks before the own one that are exact
  std::size_t sink;              ///< first tokens, always exact; a multiple of the block
  std::size_t candidate_chunks;  ///< chunks whose blocks are scored singly
};

/// What one head reads of its far past.
struct HeadReach {
  std::size_t retrieve;  ///< far tokens attended exactly, at most; a multiple of the block
  float threshold;       ///< a block is retrieved if its score exceeds this; 0: the best are, whatever it is
  bool states;           ///< the rest is read through condensed states; else it is dropped

  /// Whether it reads `far` tokens of the far past by their states, be it to choose among them.
  [[nodiscard]] bool reads_states(std::size_t far) const {
    return far > 0 && (threshold > 0 || far > retrieve) && (retrieve > 0 || states);
  }
};

/// Queries of one head that lie in one chunk, with consecutive positions.
struct QueryTile {
  const float* queries;  ///< row r at r · query_stride
  std::size_t query_stride;
  float* out;  ///< [rows, dim], row r at r · out_stride
  std::size_t out_stride;
  std::size_t rows;
  std::size_t position;  ///< of the first query; the store holds its key and those of all rows
  std::size_t kv_head;
  float scale;  ///< of q·k
  HeadReach head;
  bool dense = false;  ///< everything is read exactly
};

/// BSBR attention of a tile of queries: one softmax over near (sink, window, own chunk), retrieved blocks and
/// the condensed states of the rest. Its sums run as the zones are read, in this order: near, states (whose
/// masses and spreads decide what is retrieved), retrieved blocks. A block's score is what reading it through
/// its states may get wrong: Σ over its states of share of the query's mass, by the plain estimate, ×
/// variance of the logit within the group, the latter estimated as spread · |q|² (of a head without states:
/// just the share). Queries that retrieved the same block are processed together. Owns the scratch memory of
/// one thread.
class BsbrTileKernel {
 public:
  /// `rows`: the most that a tile will have; `tokens`: the longest sequence.
  BsbrTileKernel(const KvLayout& layout, const BsbrReach& reach, std::size_t rows, std::size_t tokens);

  /// Returns the number of (query, key) pairs that were attended exactly. Other kernels may read the same
  /// store.
  std::uint64_t run(const KvStore& store, const QueryTile& tile);

  /// Of all runs so far: the time taken to choose what is read exactly, the weighing of states included.
  [[nodiscard]] double scoring_seconds() const { return scoring_seconds_; }
  /// Of all runs so far: the time taken by the pairs that are attended exactly.
  [[nodiscard]] double exact_seconds() const { return exact_seconds_; }

  /// A number of rows whose scratch stays in a core's cache.
  static std::size_t good_rows(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens);

 private:
  /// Most elements that a row needs of each kind.
  struct Sizes {
    Sizes(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens);
    std::size_t candidates, states, far_chunks, far_blocks, retrieved;
  };
  using Zones = zones::Zones<std::size_t>;  // of all queries of a tile

  void read_near(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void choose_candidates(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void weigh_states(const KvStore& store, const QueryTile& tile, const Zones& zones);
  /// Chooses the row's blocks and takes their weights out of its states; returns how many. `mass`: of all its
  /// states.
  std::size_t choose_blocks(std::size_t row, const QueryTile& tile, const Zones& zones, float mass);
  /// Fills score_ of the candidate blocks from the weights of their states.
  void score_blocks(std::size_t row, const QueryTile& tile, const Zones& zones);
  /// Fills vanishing_ with the logarithm of the largest term of each block's score: it ranks those that
  /// underflow, and is below 0 for them. From the logits of their states.
  void rank_vanishing_blocks(std::size_t row, const QueryTile& tile, const Zones& zones);
  void read_states(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void read_retrieved(const KvStore& store, const QueryTile& tile, const Zones& zones);
  /// visit(row, its states of the chunk) for the rows that have `chunk` as a candidate.
  template <class Visit>
  void for_rows_with_candidate(const QueryTile& tile, const Zones& zones, std::size_t chunk,
                               const Visit& visit);

  /// Of the states of candidate block j.
  [[nodiscard]] const float* state_spread(std::size_t j) const {
    return spread_[j / blocks_per_chunk_] + j % blocks_per_chunk_ * states_per_block_;
  }
  [[nodiscard]] const float* state_log_spread(std::size_t j) const {
    return state_spread(j) + micro::padded(states_per_chunk_);
  }
  [[nodiscard]] float* states(std::size_t row) const { return states_ + row * state_stride_; }
  [[nodiscard]] float* chunks(std::size_t row) const { return chunk_states_ + row * chunk_stride_; }
  [[nodiscard]] std::int32_t* candidates(std::size_t row) const {
    return candidate_ + row * sizes_.candidates;
  }

  KvLayout layout_;
  BsbrReach reach_;
  std::size_t blocks_per_chunk_, states_per_block_, states_per_chunk_;
  Sizes sizes_;
  std::size_t state_stride_, chunk_stride_, value_stride_;
  double scoring_seconds_ = 0, exact_seconds_ = 0;
  Buffer scratch_;
  // Per row, in scratch_:
  micro::SoftmaxRow* row_;   // the running sums
  float* query_;             // [dim], scaled
  float* out_;               // [value stride]
  float* states_;            // [candidates, states per chunk]: logits, then weights
  float* chunk_states_;      // [far chunks]
  std::int32_t* candidate_;  // [candidates]: far chunks, ascending
  std::int32_t* chosen_;     // [retrieved]: blocks, counted from first_chunk's first
  std::int32_t* count_;      // of chosen_
  // Per tile:
  RowLists rows_of_chunk_;  // row · candidates + its slot of the chunk
  RowLists rows_of_block_;
  std::int32_t* order_;       // [candidates · blocks per chunk]
  float* doubt_;              // [candidates, states per chunk]: terms of score_
  float* score_;              // [candidates · blocks per chunk]
  float* vanishing_;          // [candidates · blocks per chunk]
  const float** spread_;      // [candidates]: KvStore::state_spread of a slot's chunk
  float* chunk_bias_;         // log C
  const float** from_;        // [rows]
  float** to_;                // [rows]
  micro::SoftmaxRow** part_;  // [rows]
  std::size_t* visible_;      // [rows]
};

}  // namespace bsbr
