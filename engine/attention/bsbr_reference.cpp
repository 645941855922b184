#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/attention/condensed_states.h"
#include "engine/attention/tensor_cache.h"

namespace bsbr {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

class BsbrReference : public Attention {
 public:
  BsbrReference(const AttentionShape& shape, const BsbrConfig& config, at::Device device, std::int64_t layer)
      : shape_(shape), config_(config), heads_(config.heads_of(layer, shape.heads)), device_(device) {}

  [[nodiscard]] std::unique_ptr<LayerCache> make_cache(std::int64_t capacity) const override {
    return std::make_unique<TensorCache>(shape_, capacity, device_);
  }

  [[nodiscard]] at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   double scale, LayerCache* cache,
                                   std::span<PairCount> pairs) const override {
    const auto [keys, values] = append_to(cache, key, value);
    const std::int64_t rows = query.size(0);
    const std::int64_t first = keys.size(1) - rows;
    at::Tensor out = at::empty({rows, shape_.heads, shape_.head_dim}, query.options());
    for (std::int64_t head = 0; head < shape_.heads; ++head) {
      const std::int64_t kv_head = head / (shape_.heads / shape_.kv_heads);
      for (std::int64_t begin = 0; begin < rows;) {
        const std::int64_t count =
            std::min(config_.chunk_size - (first + begin) % config_.chunk_size, rows - begin);
        out.narrow(0, begin, count)
            .select(1, head)
            .copy_(chunk(query.narrow(0, begin, count).select(1, head) * scale, keys[kv_head],
                         values[kv_head], first + begin, heads_[static_cast<std::size_t>(head)],
                         pairs.empty() ? nullptr : &pairs[static_cast<std::size_t>(head)]));
        begin += count;
      }
    }
    return out.reshape({rows, shape_.heads * shape_.head_dim});
  }

 private:
  /// q [t, dim] of one head in one chunk, the first at `position`; keys, values [n, dim]. Returns [t, dim].
  [[nodiscard]] at::Tensor chunk(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                                 std::int64_t position, const HeadPlan& head, PairCount* pairs) const {
    const std::int64_t b = config_.block_size;
    const std::int64_t t = q.size(0);
    const std::int64_t n = position + t;
    const std::int64_t recent =
        std::max<std::int64_t>(0, position / config_.chunk_size - config_.window) * config_.chunk_size;
    const std::int64_t sink = std::min(config_.sink_in_blocks(), recent);
    const at::Tensor k = keys.narrow(0, 0, n);
    const at::Tensor v = values.narrow(0, 0, n);

    // Exact logits of every pair; what a query does not read exactly is masked.
    at::Tensor exact = at::matmul(q, k.t());
    const at::Tensor at_key = at::arange(n, q.options().dtype(at::kLong));
    exact.masked_fill_(at_key.unsqueeze(0) > at_key.narrow(0, position, t).unsqueeze(1), kNever);

    const std::int64_t blocks = (recent - sink) / b;
    at::Tensor read = at::zeros({t, blocks}, q.options().dtype(at::kBool));  // block is retrieved
    Far far;
    if (head.threshold <= 0 && blocks <= head.retrieve / b) {
      read.fill_(true);
    } else if (head.retrieve > 0 || head.states) {
      at::Tensor near = exact.clone();
      near.narrow(1, sink, recent - sink).fill_(kNever);
      far = read_far(q, k, v, sink, recent, head);
      choose_blocks(q, far, at::logsumexp(near, 1), head, read);
    }
    exact.narrow(1, sink, recent - sink).masked_fill_(read.logical_not().repeat_interleave(b, 1), kNever);
    if (pairs != nullptr) {
      pairs->exact += static_cast<std::uint64_t>(t * (sink + position - recent) + t * (t + 1) / 2) +
                      static_cast<std::uint64_t>(b * read.sum().item<std::int64_t>());
      pairs->causal += static_cast<std::uint64_t>(t * position + t * (t + 1) / 2);
    }
    if (!far.logits.defined() || !head.states) return at::matmul(at::softmax(exact, 1), v);
    far.logits.narrow(1, 0, far.states)
        .masked_fill_(read.repeat_interleave(config_.states_per_block(), 1), kNever);
    const at::Tensor weights = at::softmax(at::cat({exact, far.logits}, 1), 1);
    return at::matmul(weights.narrow(1, 0, n), v) +
           at::matmul(weights.narrow(1, n, far.logits.size(1)), far.values);
  }

  /// Condensed states of the far past: first `states` of blocks, then of chunks.
  struct Far {
    std::int64_t states = 0;
    at::Tensor logits;      // [t, states + chunks], -inf for what the other kind stands for
    at::Tensor values;      // [states + chunks, dim]
    at::Tensor log_spread;  // [states]; of a single key far below all others, but not -inf
  };

  /// Marks in `read` [t, blocks] what the head retrieves. `near` [t]: the log mass of the near zone.
  void choose_blocks(const at::Tensor& q, const Far& far, const at::Tensor& near, const HeadPlan& head,
                     at::Tensor& read) const {
    const std::int64_t most = std::min(head.retrieve / config_.block_size, read.size(1));
    if (most == 0) return;
    at::Tensor terms = far.logits.narrow(1, 0, far.states);
    if (head.states) terms = terms + far.log_spread + q.pow(2).sum(1, true).log();
    const at::Tensor scores = at::logsumexp(terms.reshape({read.size(0), read.size(1), -1}), 2);
    const auto [score, order] = at::topk(scores, most, 1);
    const at::Tensor total = at::logaddexp(near, at::logsumexp(far.logits, 1)).unsqueeze(1);
    if (head.threshold > 0) {
      read.scatter_(1, order, score > total + std::log(head.threshold));
    } else {
      read.scatter_(1, order, true);
    }
  }

  [[nodiscard]] Far read_far(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, std::int64_t sink,
                             std::int64_t recent, const HeadPlan& head) const {
    const std::int64_t c = config_.chunk_size;
    const CondensedStates made = condense(k.narrow(0, sink, recent - sink), v.narrow(0, sink, recent - sink),
                                          config_, shape_.rope_frequencies);
    Far far{made.keys.size(0), at::matmul(q, made.keys.t()) + made.log_sizes, made.values,
            made.spread.clamp_min(1e-30).log()};
    const std::int64_t first = sink / c;
    const std::int64_t chunks = recent / c - first;
    const std::int64_t candidates = std::max(config_.candidate_chunks, head.retrieve / c + 2);
    if (chunks <= candidates) return far;

    const auto means = [&](const at::Tensor& x) {
      return x.narrow(0, first * c, chunks * c).reshape({chunks, c, shape_.head_dim}).mean(1);
    };
    at::Tensor logits = at::matmul(q, means(k).t()) + std::log(static_cast<double>(c));
    at::Tensor order = logits.clone();
    // A chunk that the sink cuts has no state of its own, so it is always a candidate.
    if (sink % c != 0) order.select(1, 0).fill_(-kNever);
    at::Tensor chosen = at::zeros(logits.sizes(), q.options().dtype(at::kBool));
    chosen.scatter_(1, std::get<1>(at::topk(order, candidates, 1)), true);
    logits.masked_fill_(chosen, kNever);
    const std::int64_t skip = (sink - first * c) / config_.compression_factor;
    const at::Tensor skipped = chosen.logical_not().repeat_interleave(c / config_.compression_factor, 1);
    far.logits.masked_fill_(skipped.narrow(1, skip, far.states), kNever);
    return {far.states, at::cat({far.logits, logits}, 1), at::cat({far.values, means(v)}, 0), far.log_spread};
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
