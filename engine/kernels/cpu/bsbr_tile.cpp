#include "engine/kernels/cpu/bsbr_tile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "engine/kernels/cpu/micro.h"

namespace bsbr {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr std::size_t kAlign = 64;

/// Hands out parts of one buffer; with no buffer it only counts.
class Arena {
 public:
  explicit Arena(std::byte* base) : base_(base) {}
  template <class T>
  T* take(std::size_t count) {
    const std::size_t at = used_;
    used_ += (count * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    return base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + at);
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

std::size_t divide_up(std::size_t n, std::size_t by) {
  return (n + by - 1) / by;
}

/// A float's bits as an integer that orders as the float does; NaN has a place too.
std::uint32_t ordered_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}

/// Writes the numbers of the `count` best of score[first, end) to `order`: the largest, of equals the lower
/// number. Score and number go into one integer each, `rank` [end - first], since comparing those needs no
/// look-up.
void select_best(const float* score, std::size_t first, std::size_t end, std::size_t count,
                 std::uint64_t* rank, std::int32_t* order) {
  constexpr std::uint64_t kLow = 0xFFFFFFFFU;
  for (std::size_t i = first; i < end; ++i) {
    rank[i - first] = static_cast<std::uint64_t>(ordered_bits(score[i])) << 32 | (kLow - i);
  }
  if (count < end - first) std::nth_element(rank, rank + count, rank + (end - first), std::greater<>());
  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::int32_t>(kLow - (rank[i] & kLow));
}

}  // namespace

BsbrTileKernel::Sizes::Sizes(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens) {
  const std::size_t chunks = divide_up(tokens, layout.chunk);
  exact = std::min(reach.sink + (reach.window + 1) * layout.chunk + reach.retrieve, chunks * layout.chunk);
  candidates = std::min(std::max(reach.candidate_chunks, reach.retrieve / layout.chunk + 2), chunks);
  states = candidates * (layout.chunk / layout.compression);
  far_chunks = chunks;
  far_blocks = chunks * (layout.chunk / layout.block);
  retrieved = std::min(reach.retrieve / layout.block, far_blocks);
}

std::size_t BsbrTileKernel::good_rows(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens) {
  constexpr std::size_t kCacheBytes = 384 << 10;
  const Sizes sizes(layout, reach, tokens);
  const std::size_t row =
      (sizes.exact + sizes.states + 2 * sizes.far_chunks + 2 * layout.dim) * sizeof(float);
  return std::clamp<std::size_t>(kCacheBytes / row, std::min<std::size_t>(8, layout.chunk),
                                 std::min<std::size_t>(64, layout.chunk));
}

BsbrTileKernel::BsbrTileKernel(const KvLayout& layout, const BsbrReach& reach, std::size_t rows,
                               std::size_t tokens)
    : layout_(layout),
      reach_(reach),
      blocks_per_chunk_(layout.chunk / layout.block),
      states_per_block_(layout.block / layout.compression),
      states_per_chunk_(layout.chunk / layout.compression),
      sizes_(layout, reach, tokens),
      exact_stride_(micro::padded(sizes_.exact)),
      state_stride_(micro::padded(sizes_.states)),
      chunk_stride_(micro::padded(sizes_.far_chunks)),
      value_stride_(micro::padded(layout.dim)) {
  const auto lay_out = [&](std::byte* base) {
    Arena arena(base);
    query_ = arena.take<float>(rows * layout_.dim);
    exact_ = arena.take<float>(rows * exact_stride_);
    states_ = arena.take<float>(rows * state_stride_);
    chunk_states_ = arena.take<float>(rows * chunk_stride_);
    out_ = arena.take<float>(rows * value_stride_);
    state_shift_ = arena.take<float>(rows);
    inverse_ = arena.take<float>(rows);
    slot_ = arena.take<std::int32_t>(rows * sizes_.far_chunks);
    chosen_ = arena.take<std::int32_t>(rows * sizes_.retrieved);
    block_begin_ = arena.take<std::int32_t>(sizes_.far_blocks + 2);
    pair_row_ = arena.take<std::int32_t>(rows * std::max<std::size_t>(1, sizes_.retrieved));
    pair_rank_ = arena.take<std::int32_t>(rows * sizes_.retrieved);
    order_ = arena.take<std::int32_t>(std::max(sizes_.candidates * blocks_per_chunk_, sizes_.far_chunks));
    rank_ = arena.take<std::uint64_t>(std::max(sizes_.candidates * blocks_per_chunk_, sizes_.far_chunks));
    slot_chunk_ = arena.take<std::int32_t>(sizes_.candidates);
    score_ = arena.take<float>(sizes_.candidates * blocks_per_chunk_);
    chunk_bias_ = arena.take<float>(KvStore::kGroup);
    from_ = arena.take<const float*>(rows);
    to_ = arena.take<float*>(rows);
    return arena.used();
  };
  scratch_ = Buffer(lay_out(nullptr));
  lay_out(static_cast<std::byte*>(scratch_.data()));
  std::fill_n(chunk_bias_, KvStore::kGroup, std::log(static_cast<float>(layout.chunk)));
}

BsbrTileKernel::Zones BsbrTileKernel::divide(const QueryTile& tile) const {
  const std::size_t own = tile.position / layout_.chunk;
  Zones zones{};
  zones.end_chunk = own > reach_.window ? own - reach_.window : 0;
  zones.recent = zones.end_chunk * layout_.chunk;
  zones.sink = std::min(reach_.sink, zones.recent);
  const std::size_t far_blocks = (zones.recent - zones.sink) / layout_.block;
  zones.far = far_blocks > reach_.retrieve / layout_.block;
  if (!zones.far) zones.sink = zones.recent;
  zones.near = zones.sink + tile.position + tile.rows - zones.recent;
  if (!zones.far) return zones;
  zones.first_chunk = zones.sink / layout_.chunk;
  zones.first_block = zones.sink / layout_.block;
  zones.retrieved = reach_.retrieve / layout_.block;
  zones.candidates = std::min(zones.end_chunk - zones.first_chunk, sizes_.candidates);
  zones.coarse = zones.candidates < zones.end_chunk - zones.first_chunk;
  return zones;
}

std::uint64_t BsbrTileKernel::run(const KvStore& store, const QueryTile& tile) {
  const Zones zones = divide(tile);
  for (std::size_t r = 0; r < tile.rows; ++r) {
    const float* from = tile.queries + r * tile.query_stride;
    std::transform(from, from + layout_.dim, query(r), [&](float x) { return x * tile.scale; });
  }
  std::fill_n(out_, tile.rows * value_stride_, 0.0F);
  near_logits(store, tile, zones);
  if (zones.far) {
    choose_candidates(store, tile, zones);
    state_weights(store, tile, zones);
    list_rows_by_block(tile, zones);
    retrieved_logits(store, tile, zones);
  }
  normalise(tile, zones);
  near_values(store, tile, zones);
  if (zones.far) far_values(store, tile, zones);

  std::uint64_t pairs = 0;
  for (std::size_t r = 0; r < tile.rows; ++r) {
    std::transform(out(r), out(r) + layout_.dim, tile.out + r * tile.out_stride,
                   [&](float x) { return x * inverse_[r]; });
    pairs += zones.sink + (tile.position + r + 1 - zones.recent) + zones.retrieved * layout_.block;
  }
  return pairs;
}

template <class Visit>
void BsbrTileKernel::for_near_pieces(const QueryTile& tile, const Zones& zones, const Visit& visit) const {
  std::size_t column = 0;
  const auto range = [&](std::size_t begin, std::size_t end) {
    while (begin < end) {
      const std::size_t offset = begin % layout_.chunk;
      const std::size_t tokens = std::min(layout_.chunk - offset, end - begin);
      visit(begin / layout_.chunk, offset, tokens, column);
      begin += tokens;
      column += tokens;
    }
  };
  range(0, zones.sink);
  range(zones.recent, tile.position + tile.rows);
}

void BsbrTileKernel::near_logits(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for (std::size_t r = 0; r < tile.rows; ++r) from_[r] = query(r);
  for_near_pieces(
      tile, zones, [&](std::size_t chunk, std::size_t offset, std::size_t tokens, std::size_t column) {
        for (std::size_t r = 0; r < tile.rows; ++r) to_[r] = exact(r) + column;
        micro::logits(from_, to_, tile.rows, layout_.dim, store.keys(chunk, tile.kv_head) + offset,
                      store.key_stride(), tokens, nullptr);
      });
  for (std::size_t r = 0; r + 1 < tile.rows; ++r) {
    std::fill(exact(r) + zones.near - tile.rows + r + 1, exact(r) + zones.near, kNever);
  }
}

void BsbrTileKernel::choose_candidates(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  const std::size_t far_chunks = zones.end_chunk - zones.first_chunk;
  if (!zones.coarse) {
    for (std::size_t r = 0; r < tile.rows; ++r) {
      std::iota(slot_ + r * sizes_.far_chunks, slot_ + r * sizes_.far_chunks + far_chunks, 0);
    }
    return;
  }
  for (std::size_t c = zones.first_chunk; c < zones.end_chunk;) {
    const std::size_t in_group = c % KvStore::kGroup;
    const std::size_t width = std::min(KvStore::kGroup - in_group, zones.end_chunk - c);
    for (std::size_t r = 0; r < tile.rows; ++r) to_[r] = chunks(r) + (c - zones.first_chunk);
    micro::logits(from_, to_, tile.rows, layout_.dim,
                  store.chunk_keys(c / KvStore::kGroup, tile.kv_head) + in_group, KvStore::kGroup, width,
                  chunk_bias_);
    c += width;
  }
  // A chunk that the sink cuts has no state of its own, so it is always a candidate.
  const std::size_t forced = zones.sink % layout_.chunk != 0 ? 1 : 0;
  for (std::size_t r = 0; r < tile.rows; ++r) {
    if (forced != 0) order_[0] = 0;
    select_best(chunks(r), forced, far_chunks, zones.candidates - forced, rank_, order_ + forced);
    std::sort(order_, order_ + zones.candidates);
    std::int32_t* slot = slot_ + r * sizes_.far_chunks;
    std::fill_n(slot, far_chunks, -1);
    for (std::size_t s = 0; s < zones.candidates; ++s) {
      slot[order_[s]] = static_cast<std::int32_t>(s);
      chunks(r)[order_[s]] = kNever;
    }
  }
}

std::size_t BsbrTileKernel::rows_with_candidate(const QueryTile& tile, const Zones& zones,
                                                std::size_t chunk) {
  std::size_t count = 0;
  for (std::size_t r = 0; r < tile.rows; ++r) {
    const std::int32_t slot = slot_[r * sizes_.far_chunks + chunk - zones.first_chunk];
    if (slot < 0) continue;
    pair_row_[count] = static_cast<std::int32_t>(r);
    to_[count++] = states(r) + static_cast<std::size_t>(slot) * states_per_chunk_;
  }
  return count;
}

void BsbrTileKernel::state_weights(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for (std::size_t c = zones.first_chunk; c < zones.end_chunk; ++c) {
    const std::size_t rows = rows_with_candidate(tile, zones, c);
    for (std::size_t i = 0; i < rows; ++i) from_[i] = query(static_cast<std::size_t>(pair_row_[i]));
    micro::logits(from_, to_, rows, layout_.dim, store.state_keys(c, tile.kv_head), store.state_stride(),
                  states_per_chunk_, store.state_bias(c, tile.kv_head));
  }
  const std::size_t in_sink = (zones.first_block % blocks_per_chunk_) * states_per_block_;
  const std::size_t used = zones.candidates * states_per_chunk_;
  const std::size_t far_chunks = zones.coarse ? zones.end_chunk - zones.first_chunk : 0;
  for (std::size_t r = 0; r < tile.rows; ++r) {
    std::fill_n(states(r), in_sink, kNever);
    state_shift_[r] = std::max(micro::maximum(states(r), used), micro::maximum(chunks(r), far_chunks));
    score_largest_states(r, zones);
    micro::exponentiate(states(r), used, state_shift_[r]);
    micro::exponentiate(chunks(r), far_chunks, state_shift_[r]);
    choose_blocks(r, zones);
  }
}

void BsbrTileKernel::score_largest_states(std::size_t row, const Zones& zones) {
  const float* logit = states(row);
  for (std::size_t j = 0; j < zones.candidates * blocks_per_chunk_; ++j) {
    score_[j] = *std::max_element(logit + j * states_per_block_, logit + (j + 1) * states_per_block_) -
                state_shift_[row];
  }
}

void BsbrTileKernel::choose_blocks(std::size_t row, const Zones& zones) {
  if (zones.retrieved == 0) return;
  const std::size_t in_sink = zones.first_block % blocks_per_chunk_;
  const std::size_t blocks = zones.candidates * blocks_per_chunk_;
  const float* weight = states(row);
  // By mass; blocks whose mass underflows keep their negative score, below all others and in order.
  for (std::size_t j = 0; j < blocks; ++j) {
    const float mass =
        std::accumulate(weight + j * states_per_block_, weight + (j + 1) * states_per_block_, 0.0F);
    if (mass > 0) score_[j] = mass;
  }
  select_best(score_, in_sink, blocks, zones.retrieved, rank_, order_);
  const std::int32_t* slot = slot_ + row * sizes_.far_chunks;
  for (std::size_t c = 0; c < zones.end_chunk - zones.first_chunk; ++c) {
    if (slot[c] >= 0) slot_chunk_[slot[c]] = static_cast<std::int32_t>(c);
  }
  std::int32_t* chosen = chosen_ + row * sizes_.retrieved;
  for (std::size_t i = 0; i < zones.retrieved; ++i) {
    const auto block = static_cast<std::size_t>(order_[i]);
    const auto chunk = static_cast<std::size_t>(slot_chunk_[block / blocks_per_chunk_]);
    chosen[i] = static_cast<std::int32_t>(chunk * blocks_per_chunk_ + block % blocks_per_chunk_);
    std::fill_n(states(row) + block * states_per_block_, states_per_block_, 0.0F);
  }
}

void BsbrTileKernel::list_rows_by_block(const QueryTile& tile, const Zones& zones) {
  const std::size_t blocks = (zones.end_chunk - zones.first_chunk) * blocks_per_chunk_;
  // Counting sort. block_begin_ is shifted by one while the pairs are placed.
  std::fill_n(block_begin_, blocks + 2, 0);
  for (std::size_t r = 0; r < tile.rows; ++r) {
    const std::int32_t* chosen = chosen_ + r * sizes_.retrieved;
    for (std::size_t i = 0; i < zones.retrieved; ++i) ++block_begin_[chosen[i] + 2];
  }
  std::partial_sum(block_begin_, block_begin_ + blocks + 2, block_begin_);
  for (std::size_t r = 0; r < tile.rows; ++r) {
    const std::int32_t* chosen = chosen_ + r * sizes_.retrieved;
    for (std::size_t i = 0; i < zones.retrieved; ++i) {
      const std::int32_t at = block_begin_[chosen[i] + 1]++;
      pair_row_[at] = static_cast<std::int32_t>(r);
      pair_rank_[at] = static_cast<std::int32_t>(i);
    }
  }
}

template <class Row, class Block>
void BsbrTileKernel::for_retrieved_blocks(const Zones& zones, const Row& each_row,
                                          const Block& each_block) const {
  const std::size_t blocks = (zones.end_chunk - zones.first_chunk) * blocks_per_chunk_;
  for (std::size_t j = 0; j < blocks; ++j) {
    const auto begin = static_cast<std::size_t>(block_begin_[j]);
    const std::size_t rows = static_cast<std::size_t>(block_begin_[j + 1]) - begin;
    if (rows == 0) continue;
    for (std::size_t i = 0; i < rows; ++i) {
      const auto row = static_cast<std::size_t>(pair_row_[begin + i]);
      const auto rank = static_cast<std::size_t>(pair_rank_[begin + i]);
      each_row(i, row, exact(row) + zones.near + rank * layout_.block);
    }
    each_block(zones.first_chunk + j / blocks_per_chunk_, j % blocks_per_chunk_ * layout_.block, rows);
  }
}

void BsbrTileKernel::retrieved_logits(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for_retrieved_blocks(
      zones,
      [&](std::size_t i, std::size_t row, float* columns) {
        from_[i] = query(row);
        to_[i] = columns;
      },
      [&](std::size_t chunk, std::size_t offset, std::size_t rows) {
        micro::logits(from_, to_, rows, layout_.dim, store.keys(chunk, tile.kv_head) + offset,
                      store.key_stride(), layout_.block, nullptr);
      });
}

void BsbrTileKernel::normalise(const QueryTile& tile, const Zones& zones) {
  const std::size_t columns = zones.near + zones.retrieved * layout_.block;
  for (std::size_t r = 0; r < tile.rows; ++r) {
    float shift = micro::maximum(exact(r), columns);
    if (zones.far) shift = std::max(shift, state_shift_[r]);
    float sum = micro::exponentiate(exact(r), columns, shift);
    if (zones.far) {
      const float factor = std::exp(state_shift_[r] - shift);
      sum += micro::scale(states(r), zones.candidates * states_per_chunk_, factor);
      if (zones.coarse) sum += micro::scale(chunks(r), zones.end_chunk - zones.first_chunk, factor);
    }
    inverse_[r] = 1.0F / sum;
  }
}

void BsbrTileKernel::near_values(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for (std::size_t r = 0; r < tile.rows; ++r) to_[r] = out(r);
  for_near_pieces(tile, zones,
                  [&](std::size_t chunk, std::size_t offset, std::size_t tokens, std::size_t column) {
                    for (std::size_t r = 0; r < tile.rows; ++r) from_[r] = exact(r) + column;
                    micro::accumulate(from_, to_, tile.rows,
                                      store.values(chunk, tile.kv_head) + offset * store.value_stride(),
                                      tokens, store.value_stride());
                  });
}

void BsbrTileKernel::far_values(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for_retrieved_blocks(
      zones,
      [&](std::size_t i, std::size_t row, float* columns) {
        from_[i] = columns;
        to_[i] = out(row);
      },
      [&](std::size_t chunk, std::size_t offset, std::size_t rows) {
        micro::accumulate(from_, to_, rows, store.values(chunk, tile.kv_head) + offset * store.value_stride(),
                          layout_.block, store.value_stride());
      });
  for (std::size_t c = zones.first_chunk; c < zones.end_chunk; ++c) {
    const std::size_t rows = rows_with_candidate(tile, zones, c);
    for (std::size_t i = 0; i < rows; ++i) {
      from_[i] = to_[i];
      to_[i] = out(static_cast<std::size_t>(pair_row_[i]));
    }
    micro::accumulate(from_, to_, rows, store.state_values(c, tile.kv_head), states_per_chunk_,
                      store.value_stride());
  }
  if (!zones.coarse) return;
  for (std::size_t r = 0; r < tile.rows; ++r) to_[r] = out(r);
  for (std::size_t c = zones.first_chunk; c < zones.end_chunk;) {
    const std::size_t in_group = c % KvStore::kGroup;
    const std::size_t width = std::min(KvStore::kGroup - in_group, zones.end_chunk - c);
    for (std::size_t r = 0; r < tile.rows; ++r) from_[r] = chunks(r) + (c - zones.first_chunk);
    micro::accumulate(from_, to_, tile.rows,
                      store.chunk_values(c / KvStore::kGroup, tile.kv_head) + in_group * store.value_stride(),
                      width, store.value_stride());
    c += width;
  }
}

}  // namespace bsbr
