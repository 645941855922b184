#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "engine/attention/anchors.h"
#include "engine/attention/selection.h"
#include "engine/attention/tensor_cache.h"

namespace bsbr {
namespace {

class ReferenceCache : public TensorCache {
 public:
  ReferenceCache(const AttentionShape& shape, const BsbrConfig& config, std::int64_t capacity,
                 at::Device device)
      : TensorCache(shape, capacity, device), anchors_(shape, config) {}
  [[nodiscard]] std::int64_t bytes() const override { return TensorCache::bytes() + anchors_.bytes(); }
  Anchors& anchors() { return anchors_; }

 private:
  Anchors anchors_;
};

class BsbrReference : public Attention {
 public:
  BsbrReference(const AttentionShape& shape, const BsbrConfig& config, at::Device device, std::int64_t layer)
      : shape_(shape), config_(config), heads_(config.heads_of(layer, shape.heads)), device_(device) {}

  [[nodiscard]] std::unique_ptr<LayerCache> make_cache(std::int64_t capacity) const override {
    return std::make_unique<ReferenceCache>(shape_, config_, capacity, device_);
  }

  [[nodiscard]] at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   double scale, LayerCache* cache,
                                   const AttentionNotes& notes) const override {
    const auto [keys, values] = append_to(cache, key, value);
    std::optional<Anchors> own;
    Anchors& anchors =
        cache == nullptr ? own.emplace(shape_, config_) : dynamic_cast<ReferenceCache&>(*cache).anchors();
    anchors.append(query, scale);
    const std::int64_t rows = query.size(0);
    const std::int64_t first = keys.size(1) - rows;
    const std::int64_t group = shape_.heads / shape_.kv_heads;
    at::Tensor out = at::empty({rows, shape_.heads, shape_.head_dim}, query.options());
    for (std::int64_t kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
      const Selector selector(keys[kv_head], values[kv_head], anchors.of(kv_head), config_,
                              shape_.rope_frequencies);
      for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        for (std::int64_t begin = 0; begin < rows;) {
          const std::int64_t count =
              std::min(config_.chunk_size - (first + begin) % config_.chunk_size, rows - begin);
          out.narrow(0, begin, count)
              .select(1, head)
              .copy_(attend(selector, query.narrow(0, begin, count).select(1, head) * scale, values[kv_head],
                            first + begin, heads_[static_cast<std::size_t>(head)],
                            notes.pairs.empty() ? nullptr : &notes.pairs[static_cast<std::size_t>(head)]));
          begin += count;
        }
      }
    }
    return out.reshape({rows, shape_.heads * shape_.head_dim});
  }

 private:
  /// q [t, dim] of one head in one chunk, the first at `position`; values [tokens, dim]. Returns [t, dim].
  [[nodiscard]] static at::Tensor attend(const Selector& selector, const at::Tensor& q,
                                         const at::Tensor& values, std::int64_t position,
                                         const HeadPlan& head, PairCount* pairs) {
    const std::int64_t t = q.size(0);
    const std::int64_t n = position + t;
    std::vector<std::int64_t> positions(static_cast<std::size_t>(t));
    std::iota(positions.begin(), positions.end(), position);
    const Selection chosen = selector.select(q, positions, head);
    if (pairs != nullptr) {
      pairs->exact += static_cast<std::uint64_t>(chosen.exact.sum().item<std::int64_t>());
      pairs->causal += static_cast<std::uint64_t>(t * position + t * (t + 1) / 2);
    }
    const at::Tensor v = values.narrow(0, 0, n);
    const at::Tensor exact =
        chosen.logits.masked_fill(chosen.exact.logical_not(), -std::numeric_limits<double>::infinity());
    if (!chosen.state_logits.defined()) return at::matmul(at::softmax(exact, 1), v);
    const at::Tensor weights = at::softmax(at::cat({exact, chosen.state_logits}, 1), 1);
    return at::matmul(weights.narrow(1, 0, n), v) +
           at::matmul(weights.narrow(1, n, chosen.state_logits.size(1)), chosen.state_values);
  }

  AttentionShape shape_;
  BsbrConfig config_;
  std::vector<HeadPlan> heads_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Attention> make_bsbr_reference(const AttentionShape& shape, const BsbrConfig& config,
                                               at::Device device, std::int64_t layer) {
  return std::make_unique<BsbrReference>(shape, config, device, layer);
}

}  // namespace bsbr
