#include "engine/kernels/cpu/bsbr_tile.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "engine/kernels/cpu/micro.h"
#include "engine/kernels/cpu/select_largest.h"

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
    // NOLINTNEXTLINE(bugprone-sizeof-expression): T is a pointer at times
    used_ += (count * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    return base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + at);
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

/// Adds the time that a scope takes.
class Timer {
 public:
  explicit Timer(double& seconds) : seconds_(seconds) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  Clock::time_point start_ = Clock::now();
};

std::size_t divide_up(std::size_t n, std::size_t by) {
  return (n + by - 1) / by;
}

}  // namespace

BsbrTileKernel::Sizes::Sizes(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens) {
  const std::size_t chunks = divide_up(tokens, layout.chunk);
  candidates = std::min(zones::most_candidates(reach.candidate_chunks, reach.retrieve, layout.chunk), chunks);
  states = candidates * (layout.chunk / layout.compression);
  far_chunks = chunks;
  far_blocks = chunks * (layout.chunk / layout.block);
  retrieved = std::min(reach.retrieve / layout.block, far_blocks);
}

std::size_t BsbrTileKernel::good_rows(const KvLayout& layout, const BsbrReach& reach, std::size_t tokens) {
  constexpr std::size_t kCacheBytes = 384 << 10;
  const Sizes sizes(layout, reach, tokens);
  const std::size_t row = (sizes.states + 2 * sizes.far_chunks + 2 * layout.dim) * sizeof(float);
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
      state_stride_(micro::padded(sizes_.states)),
      chunk_stride_(micro::padded(sizes_.far_chunks)),
      value_stride_(micro::padded(layout.dim)) {
  const auto lay_out = [&](std::byte* base) {
    Arena arena(base);
    row_ = arena.take<micro::SoftmaxRow>(rows);
    query_ = arena.take<float>(rows * layout_.dim);
    out_ = arena.take<float>(rows * value_stride_);
    states_ = arena.take<float>(rows * state_stride_);
    chunk_states_ = arena.take<float>(rows * chunk_stride_);
    candidate_ = arena.take<std::int32_t>(rows * sizes_.candidates);
    chosen_ = arena.take<std::int32_t>(rows * sizes_.retrieved);
    count_ = arena.take<std::int32_t>(rows);
    const auto lists = [&](std::size_t items, std::size_t entries) {
      std::int32_t* begin = arena.take<std::int32_t>(items + 2);
      return RowLists(begin, arena.take<std::int32_t>(entries));
    };
    rows_of_chunk_ = lists(sizes_.far_chunks, rows * sizes_.candidates);
    rows_of_block_ = lists(sizes_.far_blocks, rows * sizes_.retrieved);
    order_ = arena.take<std::int32_t>(sizes_.candidates * blocks_per_chunk_);
    doubt_ = arena.take<float>(sizes_.states);
    score_ = arena.take<float>(sizes_.candidates * blocks_per_chunk_);
    vanishing_ = arena.take<float>(sizes_.candidates * blocks_per_chunk_);
    spread_ = arena.take<const float*>(sizes_.candidates);
    chunk_bias_ = arena.take<float>(KvStore::kGroup);
    from_ = arena.take<const float*>(rows);
    to_ = arena.take<float*>(rows);
    part_ = arena.take<micro::SoftmaxRow*>(rows);
    visible_ = arena.take<std::size_t>(rows);
    return arena.used();
  };
  scratch_ = Buffer(lay_out(nullptr));
  lay_out(static_cast<std::byte*>(scratch_.data()));
  std::fill_n(chunk_bias_, KvStore::kGroup, std::log(static_cast<float>(layout.chunk)));
}

std::uint64_t BsbrTileKernel::run(const KvStore& store, const QueryTile& tile) {
  const Zones zones = zones::divide<std::size_t>(
      {layout_.chunk, layout_.block, reach_.window, reach_.sink, reach_.candidate_chunks},
      {tile.head.retrieve, tile.head.threshold > 0, tile.head.states, tile.dense}, tile.position);
  std::fill_n(out_, tile.rows * value_stride_, 0.0F);
  for (std::size_t r = 0; r < tile.rows; ++r) {
    const float* from = tile.queries + r * tile.query_stride;
    float* query = query_ + r * layout_.dim;
    std::transform(from, from + layout_.dim, query, [&](float x) { return x * tile.scale; });
    row_[r] = {query, out_ + r * value_stride_, 0.0F, kNever};
    count_[r] = 0;
  }
  {
    const Timer timer(exact_seconds_);
    read_near(store, tile, zones);
  }
  if (zones.far) {
    {
      const Timer timer(scoring_seconds_);
      choose_candidates(store, tile, zones);
      weigh_states(store, tile, zones);
    }
    if (tile.head.states) read_states(store, tile, zones);
    const Timer timer(exact_seconds_);
    read_retrieved(store, tile, zones);
  }
  std::uint64_t pairs = 0;
  for (std::size_t r = 0; r < tile.rows; ++r) {
    const micro::SoftmaxRow& row = row_[r];
    const float inverse = 1.0F / row.sum;
    std::transform(row.out, row.out + layout_.dim, tile.out + r * tile.out_stride,
                   [&](float x) { return x * inverse; });
    pairs += zones.sink + (tile.position + r + 1 - zones.recent) +
             static_cast<std::size_t>(count_[r]) * layout_.block;
  }
  return pairs;
}

void BsbrTileKernel::read_near(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for (std::size_t r = 0; r < tile.rows; ++r) part_[r] = row_ + r;
  const auto read = [&](std::size_t begin, std::size_t end) {
    while (begin < end) {
      const std::size_t chunk = begin / layout_.chunk;
      const std::size_t offset = begin % layout_.chunk;
      const std::size_t tokens = std::min(layout_.chunk - offset, end - begin);
      const bool masked = begin + tokens > tile.position + 1;
      for (std::size_t r = 0; masked && r < tile.rows; ++r) {
        visible_[r] = std::min(tokens, std::max(tile.position + r + 1, begin) - begin);
      }
      micro::attend(part_, tile.rows, layout_.dim, store.keys(chunk, tile.kv_head) + offset,
                    store.key_stride(), store.values(chunk, tile.kv_head) + offset * store.value_stride(),
                    store.value_stride(), tokens, masked ? visible_ : nullptr);
      begin += tokens;
    }
  };
  read(0, zones.sink);
  read(zones.recent, tile.position + tile.rows);
}

void BsbrTileKernel::choose_candidates(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  if (!zones.coarse) {
    for (std::size_t r = 0; r < tile.rows; ++r) std::iota(candidates(r), candidates(r) + zones.candidates, 0);
    return;
  }
  const std::size_t far_chunks = zones.end_chunk - zones.first_chunk;
  for (std::size_t r = 0; r < tile.rows; ++r) from_[r] = row_[r].query;
  for (std::size_t c = zones.first_chunk; c < zones.end_chunk;) {
    const std::size_t group = c / KvStore::kGroup;
    const std::size_t in_group = c % KvStore::kGroup;
    const std::size_t width = std::min(KvStore::kGroup - in_group, zones.end_chunk - c);
    for (std::size_t r = 0; r < tile.rows; ++r) to_[r] = chunks(r) + (c - zones.first_chunk);
    micro::logits(from_, to_, tile.rows, layout_.dim, store.chunk_keys(group, tile.kv_head) + in_group,
                  KvStore::kGroup, width, chunk_bias_);
    c += width;
  }
  for (std::size_t r = 0; r < tile.rows; ++r) {
    // A chunk that the sink cuts has no state of its own, so it is always a candidate.
    if (zones.sink % layout_.chunk != 0) chunks(r)[0] = std::numeric_limits<float>::infinity();
    select_largest(chunks(r), far_chunks, zones.candidates, candidates(r));
    for (std::size_t slot = 0; slot < zones.candidates; ++slot) chunks(r)[candidates(r)[slot]] = kNever;
  }
  rows_of_chunk_.fill(far_chunks, [&](const auto& add) {
    for (std::size_t r = 0; r < tile.rows; ++r) {
      for (std::size_t slot = 0; slot < zones.candidates; ++slot)
        add(candidates(r)[slot], static_cast<std::int32_t>(r * zones.candidates + slot));
    }
  });
}

template <class Visit>
void BsbrTileKernel::for_rows_with_candidate(const QueryTile& tile, const Zones& zones, std::size_t chunk,
                                             const Visit& visit) {
  const std::size_t far_chunk = chunk - zones.first_chunk;
  if (!zones.coarse) {
    for (std::size_t r = 0; r < tile.rows; ++r) visit(r, states(r) + far_chunk * states_per_chunk_);
    return;
  }
  for (const std::int32_t entry : rows_of_chunk_.of(far_chunk)) {
    const std::size_t r = static_cast<std::uint32_t>(entry) / static_cast<std::uint32_t>(zones.candidates);
    visit(r, states(r) + (static_cast<std::uint32_t>(entry) - r * zones.candidates) * states_per_chunk_);
  }
}

void BsbrTileKernel::weigh_states(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for (std::size_t c = zones.first_chunk; c < zones.end_chunk; ++c) {
    std::size_t rows = 0;
    for_rows_with_candidate(tile, zones, c, [&](std::size_t row, float* states) {
      from_[rows] = row_[row].query;
      to_[rows++] = states;
    });
    const float* bias =
        tile.head.states ? store.state_bias(c, tile.kv_head) : store.state_log_size(c, tile.kv_head);
    micro::logits(from_, to_, rows, layout_.dim, store.state_keys(c, tile.kv_head), store.state_stride(),
                  states_per_chunk_, bias);
  }
  const std::size_t in_sink = (zones.first_block % blocks_per_chunk_) * states_per_block_;
  const std::size_t used = zones.candidates * states_per_chunk_;
  const std::size_t far_chunks = zones.coarse ? zones.end_chunk - zones.first_chunk : 0;
  for (std::size_t r = 0; r < tile.rows; ++r) {
    micro::SoftmaxRow& row = row_[r];
    std::fill_n(states(r), in_sink, kNever);
    const float top = std::max(micro::maximum(states(r), used), micro::maximum(chunks(r), far_chunks));
    if (top > row.shift + micro::kRoom) micro::rescale(row, top, value_stride_);
    for (std::size_t slot = 0; slot < zones.candidates; ++slot) {
      spread_[slot] =
          store.state_spread(zones.first_chunk + static_cast<std::size_t>(candidates(r)[slot]), tile.kv_head);
    }
    if (tile.head.threshold <= 0) rank_vanishing_blocks(r, tile, zones);
    const float fine = micro::exponentiate(states(r), used, row.shift);
    const float coarse = micro::exponentiate(chunks(r), far_chunks, row.shift);
    count_[r] = static_cast<std::int32_t>(choose_blocks(r, tile, zones, fine + coarse));
    if (tile.head.states) row.sum += coarse + (count_[r] > 0 ? micro::sum(states(r), used) : fine);
  }
}

void BsbrTileKernel::rank_vanishing_blocks(std::size_t row, const QueryTile& tile, const Zones& zones) {
  const float shift = row_[row].shift;
  for (std::size_t j = 0; j < zones.candidates * blocks_per_chunk_; ++j) {
    const float* logit = states(row) + j * states_per_block_;
    const float* log_spread = state_log_spread(j);
    float most = kNever;
    for (std::size_t s = 0; s < states_per_block_; ++s) {
      most = std::max(most, logit[s] + (tile.head.states ? log_spread[s] : 0.0F));
    }
    vanishing_[j] = most - shift;
  }
}

void BsbrTileKernel::score_blocks(std::size_t row, const QueryTile& tile, const Zones& zones) {
  const float* weight = states(row);
  for (std::size_t slot = 0; tile.head.states && slot < zones.candidates; ++slot) {
    const float* of_slot = weight + slot * states_per_chunk_;
    std::transform(of_slot, of_slot + states_per_chunk_, spread_[slot], doubt_ + slot * states_per_chunk_,
                   std::multiplies<>());
  }
  const std::size_t blocks = zones.candidates * blocks_per_chunk_;
  micro::group_sums(tile.head.states ? doubt_ : weight, blocks, states_per_block_, score_);
  if (tile.head.threshold > 0) return;
  for (std::size_t j = 0; j < blocks; ++j) score_[j] = score_[j] > 0 ? score_[j] : vanishing_[j];
}

std::size_t BsbrTileKernel::choose_blocks(std::size_t row, const QueryTile& tile, const Zones& zones,
                                          float mass) {
  if (zones.retrieved == 0) return 0;
  score_blocks(row, tile, zones);
  const std::size_t first = zones.first_block % blocks_per_chunk_;
  const std::size_t blocks = zones.candidates * blocks_per_chunk_ - first;
  const float* score = score_ + first;
  std::size_t count = zones.retrieved;
  if (tile.head.threshold > 0) {
    const float* query = row_[row].query;
    const float strength =
        tile.head.states ? std::inner_product(query, query + layout_.dim, query, 0.0F) : 1.0F;
    const float least = tile.head.threshold * (row_[row].sum + mass);
    count = 0;
    for (std::size_t j = 0; j < blocks; ++j) {
      order_[count] = static_cast<std::int32_t>(j);
      count += score[j] * strength > least ? 1 : 0;
    }
  }
  if (tile.head.threshold <= 0 || count > zones.retrieved) {
    count = zones.retrieved;
    select_largest(score, blocks, count, order_);
  }
  std::int32_t* chosen = chosen_ + row * sizes_.retrieved;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t block = first + static_cast<std::size_t>(order_[i]);
    const auto chunk = static_cast<std::size_t>(candidates(row)[block / blocks_per_chunk_]);
    chosen[i] = static_cast<std::int32_t>(chunk * blocks_per_chunk_ + block % blocks_per_chunk_);
    std::fill_n(states(row) + block * states_per_block_, states_per_block_, 0.0F);
  }
  return count;
}

void BsbrTileKernel::read_states(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  for (std::size_t c = zones.first_chunk; c < zones.end_chunk; ++c) {
    std::size_t rows = 0;
    for_rows_with_candidate(tile, zones, c, [&](std::size_t row, const float* states) {
      from_[rows] = states;
      to_[rows++] = row_[row].out;
    });
    micro::accumulate(from_, to_, rows, store.state_values(c, tile.kv_head), states_per_chunk_,
                      store.value_stride());
  }
  if (!zones.coarse) return;
  for (std::size_t r = 0; r < tile.rows; ++r) to_[r] = row_[r].out;
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

void BsbrTileKernel::read_retrieved(const KvStore& store, const QueryTile& tile, const Zones& zones) {
  const std::size_t blocks = (zones.end_chunk - zones.first_chunk) * blocks_per_chunk_;
  rows_of_block_.fill(blocks, [&](const auto& add) {
    for (std::size_t r = 0; r < tile.rows; ++r) {
      const std::int32_t* chosen = chosen_ + r * sizes_.retrieved;
      for (std::int32_t i = 0; i < count_[r]; ++i) add(chosen[i], static_cast<std::int32_t>(r));
    }
  });
  for (std::size_t j = 0; j < blocks; ++j) {
    std::size_t rows = 0;
    for (const std::int32_t r : rows_of_block_.of(j)) part_[rows++] = row_ + r;
    if (rows == 0) continue;
    const std::size_t chunk = zones.first_chunk + j / blocks_per_chunk_;
    const std::size_t offset = j % blocks_per_chunk_ * layout_.block;
    micro::attend(part_, rows, layout_.dim, store.keys(chunk, tile.kv_head) + offset, store.key_stride(),
                  store.values(chunk, tile.kv_head) + offset * store.value_stride(), store.value_stride(),
                  layout_.block, nullptr);
  }
}

}  // namespace bsbr
