#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "engine/attention/attention.h"
#include "engine/attention/bsbr_cuda.h"
#include "engine/kernels/cpu/bsbr_tile.h"
#include "engine/kernels/cpu/kv_store.h"
#include "engine/kernels/cuda/load.h"

namespace bsbr {
namespace {

class StoreCache : public LayerCache {
 public:
  StoreCache(const KvLayout& layout, const std::vector<float>& frequencies) : store_(layout, frequencies) {}
  [[nodiscard]] std::int64_t tokens() const override { return static_cast<std::int64_t>(store_.tokens()); }
  [[nodiscard]] std::int64_t bytes() const override { return static_cast<std::int64_t>(store_.bytes()); }
  KvStore& store() { return store_; }

 private:
  KvStore store_;
};

/// Rows of the new tokens that one kernel call handles, and for which head.
struct WorkItem {
  std::int64_t head, begin, rows;
};

class BsbrAttention : public Attention {
 public:
  BsbrAttention(const AttentionShape& shape, const BsbrConfig& config, std::int64_t layer,
                std::int64_t dense_until)
      : shape_(shape),
        layout_{
            static_cast<std::size_t>(shape.heads),       static_cast<std::size_t>(shape.kv_heads),
            static_cast<std::size_t>(shape.head_dim),    static_cast<std::size_t>(config.chunk_size),
            static_cast<std::size_t>(config.block_size), static_cast<std::size_t>(config.compression_factor)},
        reach_{0, static_cast<std::size_t>(config.window), static_cast<std::size_t>(config.sink_in_blocks()),
               static_cast<std::size_t>(config.candidate_chunks)},
        states_only_(config.states_only),
        dense_until_(config.states_only ? 0 : dense_until / config.chunk_size * config.chunk_size) {
    for (const HeadPlan& head : config.heads_of(layer, shape.heads)) {
      heads_.push_back(
          {static_cast<std::size_t>(head.retrieve), static_cast<float>(head.threshold), head.states});
      reach_.retrieve = std::max(reach_.retrieve, heads_.back().retrieve);
    }
  }

  [[nodiscard]] std::unique_ptr<LayerCache> make_cache(std::int64_t /*capacity*/) const override {
    return std::make_unique<StoreCache>(layout_, shape_.rope_frequencies);
  }

  [[nodiscard]] at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   double scale, LayerCache* cache,
                                   const AttentionNotes& notes) const override {
    if (query.scalar_type() != at::kFloat) {
      const auto wide = [](const at::Tensor& x) { return x.to(at::kFloat); };
      return forward(wide(query), wide(key), wide(value), scale, cache, notes).to(query.scalar_type());
    }
    const std::unique_ptr<LayerCache> own = cache == nullptr ? make_cache(query.size(0)) : nullptr;
    KvStore& store = dynamic_cast<StoreCache&>(own ? *own : *cache).store();
    const auto first = static_cast<std::int64_t>(store.tokens());
    const std::int64_t rows = query.size(0);
    at::Tensor out = at::empty({rows, shape_.heads * shape_.head_dim}, query.options());
    std::vector<std::atomic<std::uint64_t>> exact(heads_.size());
    for (std::int64_t begin = 0; begin < rows;) {
      // Where far keys and values are not kept, a chunk at a time, so that they are never all there.
      const std::int64_t to_chunk_end =
          static_cast<std::int64_t>(layout_.chunk - store.tokens() % layout_.chunk);
      const std::int64_t count = states_only_ ? std::min(to_chunk_end, rows - begin) : rows - begin;
      const at::Tensor q = query.narrow(0, begin, count);
      store.append(rows_of(q), rows_of(key.narrow(0, begin, count)), rows_of(value.narrow(0, begin, count)),
                   static_cast<std::size_t>(count), scale);
      store.make_states(chunks_with_states(first + begin + count - 1));
      attend(q, store, scale, out.narrow(0, begin, count), exact, notes);
      if (states_only_) {
        const std::size_t chunks = store.tokens() / layout_.chunk;
        store.forget((reach_.sink + layout_.chunk - 1) / layout_.chunk,
                     chunks - std::min(chunks, reach_.window));
      }
      begin += count;
    }
    for (std::size_t head = 0; head < notes.pairs.size(); ++head) {
      notes.pairs[head].exact += exact[head];
      notes.pairs[head].causal += static_cast<std::uint64_t>(rows * first + rows * (rows + 1) / 2);
    }
    return out;
  }

 private:
  /// How many chunks' states are read by the query at `position` and by those before it.
  [[nodiscard]] std::size_t chunks_with_states(std::int64_t position) const {
    const std::size_t far =
        zones::chunks_before_near(static_cast<std::size_t>(position), layout_.chunk, reach_.window);
    const std::size_t tokens = far * layout_.chunk > reach_.sink ? far * layout_.chunk - reach_.sink : 0;
    const bool read = std::any_of(heads_.begin(), heads_.end(),
                                  [&](const HeadReach& head) { return head.reads_states(tokens); });
    return position >= dense_until_ && read ? far : 0;
  }

  /// The rows of `query` are the last ones of the store. Notes the seconds of the mean thread.
  void attend(const at::Tensor& query, const KvStore& store, double scale, const at::Tensor& out,
              std::vector<std::atomic<std::uint64_t>>& exact, const AttentionNotes& notes) const {
    const std::int64_t rows = query.size(0);
    const std::int64_t first = static_cast<std::int64_t>(store.tokens()) - rows;
    const std::vector<WorkItem> work = divide(first, rows);
    std::size_t most_rows = 1;
    for (const WorkItem& item : work) most_rows = std::max(most_rows, static_cast<std::size_t>(item.rows));
    const std::int64_t threads =
        std::min<std::int64_t>(at::get_num_threads(), static_cast<std::int64_t>(work.size()));
    // Made here and not by the threads, so that the memory is accounted to this computation.
    std::vector<BsbrTileKernel> kernels;
    kernels.reserve(static_cast<std::size_t>(threads));
    for (std::int64_t t = 0; t < threads; ++t)
      kernels.emplace_back(layout_, reach_, most_rows, store.tokens());

    const float* q = query.const_data_ptr<float>();
    float* o = out.data_ptr<float>();
    std::atomic<std::size_t> next{0};
    at::parallel_for(0, threads, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        for (std::size_t i = next++; i < work.size(); i = next++) {
          const WorkItem& item = work[i];
          const QueryTile tile{q + item.begin * query.stride(0) + item.head * query.stride(1),
                               stride(query, 0),
                               o + item.begin * out.stride(0) + item.head * shape_.head_dim,
                               stride(out, 0),
                               static_cast<std::size_t>(item.rows),
                               static_cast<std::size_t>(first + item.begin),
                               static_cast<std::size_t>(item.head / (shape_.heads / shape_.kv_heads)),
                               static_cast<float>(scale),
                               heads_[static_cast<std::size_t>(item.head)],
                               first + item.begin < dense_until_};
          exact[static_cast<std::size_t>(item.head)] += kernels[static_cast<std::size_t>(t)].run(store, tile);
        }
      }
    });
    const double share = 1.0 / static_cast<double>(threads);
    for (const BsbrTileKernel& kernel : kernels) {
      if (notes.scoring_seconds != nullptr) *notes.scoring_seconds += share * kernel.scoring_seconds();
      if (notes.exact_seconds != nullptr) *notes.exact_seconds += share * kernel.exact_seconds();
    }
  }

  static std::size_t stride(const at::Tensor& tensor, std::int64_t dimension) {
    return static_cast<std::size_t>(tensor.stride(dimension));
  }

  /// x [N, heads, dim].
  static TokenRows rows_of(const at::Tensor& x) {
    return {x.const_data_ptr<float>(), stride(x, 0), stride(x, 1)};
  }

  /// Tiles of the rows, row 0 at position `first`, none of which crosses a chunk's border; the longest past
  /// first.
  [[nodiscard]] std::vector<WorkItem> divide(std::int64_t first, std::int64_t rows) const {
    const auto chunk = static_cast<std::int64_t>(layout_.chunk);
    const auto most = static_cast<std::int64_t>(
        BsbrTileKernel::good_rows(layout_, reach_, static_cast<std::size_t>(first + rows)));
    std::vector<WorkItem> work;
    for (std::int64_t begin = 0; begin < rows;) {
      const std::int64_t in_chunk = (first + begin) % chunk;
      const std::int64_t count = std::min({most, chunk - in_chunk, rows - begin});
      for (std::int64_t head = 0; head < shape_.heads; ++head) work.push_back({head, begin, count});
      begin += count;
    }
    std::reverse(work.begin(), work.end());
    return work;
  }

  AttentionShape shape_;
  KvLayout layout_;
  BsbrReach reach_;
  bool states_only_;
  std::int64_t dense_until_;  // a multiple of the chunk
  std::vector<HeadReach> heads_;
};

}  // namespace

std::unique_ptr<Attention> make_bsbr_attention(const AttentionShape& shape, const BsbrConfig& config,
                                               at::Device device, std::int64_t layer,
                                               std::int64_t dense_until) {
  if (device.is_cuda()) {
    return make_bsbr_cuda(shape, config, device, layer, cuda::load_kernels(), cuda_scratch_bytes(device));
  }
  if (!device.is_cpu()) return make_bsbr_reference(shape, config, device, layer);
  return std::make_unique<BsbrAttention>(shape, config, layer, dense_until);
}

}  // namespace bsbr
