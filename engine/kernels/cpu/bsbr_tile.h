#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kernels/cpu/buffer.h"
#include "engine/kernels/cpu/kv_store.h"

namespace bsbr {

/// What a query reads, in tokens and chunks.
struct BsbrReach {
  std::size_t retrieve;          ///< far tokens attended exactly, a multiple of the block
  std::size_t window;            ///< chunks before the own one that are exact
  std::size_t sink;              ///< first tokens, always exact; a multiple of the block
  std::size_t candidate_chunks;  ///< chunks whose blocks are scored singly
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
};

/// BSBR attention of a tile of queries: one softmax over near (sink, window, own chunk), retrieved blocks and
/// the condensed states of the rest. Three passes over one row of logits a query: logits, weights, values.
/// Queries that retrieved the same block are processed together. Owns the scratch memory of one thread.
class BsbrTileKernel {
 public:
  /// `rows`: the most that a tile will have; `tokens`: the longest sequence.
  BsbrTileKernel(const KvLayout& layout, const BsbrReach& reach, std::size_t rows, std::size_t tokens);

  /// Returns the number of (query, key) pairs that were attended exactly. Other kernels may read the same
  /// store.
  std::uint64_t run(const KvStore& store, const QueryTile& tile);

  /// A number of rows whose scratch stays in a core's cache.
  static std::size_t good_rows(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens);

 private:
  /// Most elements that a row needs of each kind.
  struct Sizes {
    Sizes(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens);
    std::size_t exact, candidates, states, far_chunks, far_blocks, retrieved;
  };
  /// How the past of one tile divides.
  struct Zones {
    std::size_t sink;  ///< tokens [0, sink) and [recent, position] are near
    std::size_t recent;
    std::size_t near;                    ///< near columns of a row
    std::size_t first_chunk, end_chunk;  ///< chunks that hold far blocks
    std::size_t first_block;             ///< first far block, counted from the sequence's start
    std::size_t retrieved;               ///< blocks that each row retrieves
    std::size_t candidates;              ///< slots of states_ in use
    bool far;                            ///< false: everything is near
    bool coarse;                         ///< true: only some chunks are candidates
  };

  [[nodiscard]] Zones divide(const QueryTile& tile) const;
  void near_logits(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void choose_candidates(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void state_weights(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void score_largest_states(std::size_t row, const Zones& zones);
  void choose_blocks(std::size_t row, const Zones& zones);
  void list_rows_by_block(const QueryTile& tile, const Zones& zones);
  void retrieved_logits(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void normalise(const QueryTile& tile, const Zones& zones);
  void near_values(const KvStore& store, const QueryTile& tile, const Zones& zones);
  void far_values(const KvStore& store, const QueryTile& tile, const Zones& zones);
  /// For each block that rows of the tile retrieved: each_row(i, row, its columns in exact()) for these rows,
  /// then each_block(chunk, offset in the chunk, rows).
  template <class Row, class Block>
  void for_retrieved_blocks(const Zones& zones, const Row& each_row, const Block& each_block) const;
  /// Calls visit(chunk, offset in the chunk, tokens, column) for each piece of the near zone.
  template <class Visit>
  void for_near_pieces(const QueryTile& tile, const Zones& zones, const Visit& visit) const;
  /// Rows that have `chunk` as a candidate: their number; their states of it in state_at_, their numbers in
  /// row_at_.
  std::size_t rows_with_candidate(const QueryTile& tile, const Zones& zones, std::size_t chunk);

  [[nodiscard]] float* exact(std::size_t row) const { return exact_ + row * exact_stride_; }
  [[nodiscard]] float* states(std::size_t row) const { return states_ + row * state_stride_; }
  [[nodiscard]] float* chunks(std::size_t row) const { return chunk_states_ + row * chunk_stride_; }
  [[nodiscard]] float* out(std::size_t row) const { return out_ + row * value_stride_; }
  [[nodiscard]] float* query(std::size_t row) const { return query_ + row * layout_.dim; }

  KvLayout layout_;
  BsbrReach reach_;
  std::size_t blocks_per_chunk_, states_per_block_, states_per_chunk_;
  Sizes sizes_;
  std::size_t exact_stride_, state_stride_, chunk_stride_, value_stride_;
  Buffer scratch_;
  // Per row, in scratch_:
  float* query_;          // [dim], scaled
  float* exact_;          // near columns, then retrieved blocks: logits, then weights
  float* states_;         // [candidates, states per chunk]
  float* chunk_states_;   // [far chunks]
  float* out_;            // [value stride]
  float* state_shift_;    // what was subtracted before the states' exponential
  float* inverse_;        // 1 / the denominator
  std::int32_t* slot_;    // [far chunks]: the chunk's slot in states_, or -1
  std::int32_t* chosen_;  // [retrieved]: blocks, counted from first_chunk's first
  // Per tile:
  std::int32_t* block_begin_;  // [far blocks + 1]: where a block's pairs begin
  std::int32_t* pair_row_;     // [rows · retrieved]
  std::int32_t* pair_rank_;    // which of its row's retrieved blocks it is
  std::uint64_t* rank_;        // as order_
  std::int32_t* order_;        // [candidates · blocks per chunk] or [far chunks]
  std::int32_t* slot_chunk_;   // [candidates]
  float* score_;               // [candidates · blocks per chunk]
  float* chunk_bias_;          // log C
  const float** from_;         // [rows]
  float** to_;                 // [rows]
};

}  // namespace bsbr
