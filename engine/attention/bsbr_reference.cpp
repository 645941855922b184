#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/attention/tensor_cache.h"
#include "engine/kernels/cpu/group_keys.h"

namespace bsbr {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

class BsbrReference : public Attention {
 public:
  BsbrReference(const AttentionShape& shape, const BsbrConfig& config, at::Device device)
      : shape_(shape), config_(config), device_(device) {}

  [[nodiscard]] std::unique_ptr<LayerCache> make_cache(std::int64_t capacity) const override {
    return std::make_unique<TensorCache>(shape_, capacity, device_);
  }

  [[nodiscard]] at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   double scale, LayerCache* cache, PairCount* pairs) const override {
    const auto [new_keys, new_values] = append_to(cache, key, value);
    const std::int64_t group = shape_.heads / shape_.kv_heads;
    const at::Tensor keys = new_keys.repeat_interleave(group, 0);
    const at::Tensor values = new_values.repeat_interleave(group, 0);
    const std::int64_t rows = query.size(0);
    const std::int64_t first = keys.size(1) - rows;
    at::Tensor out = at::empty({shape_.heads, rows, shape_.head_dim}, query.options());
    for (std::int64_t begin = 0; begin < rows;) {
      const std::int64_t count =
          std::min(config_.chunk_size - (first + begin) % config_.chunk_size, rows - begin);
      const at::Tensor q = query.narrow(0, begin, count).transpose(0, 1) * scale;
      out.narrow(1, begin, count).copy_(chunk(q, keys, values, first + begin, pairs));
      begin += count;
    }
    return out.transpose(0, 1).reshape({rows, shape_.heads * shape_.head_dim});
  }

 private:
  /// q [heads, t, dim] of one chunk, the first at `position`; keys, values [heads, n, dim]. Returns [heads,
  /// t, dim].
  [[nodiscard]] at::Tensor chunk(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                                 std::int64_t position, PairCount* pairs) const {
    const std::int64_t b = config_.block_size;
    const std::int64_t m = config_.states_per_block();
    const std::int64_t t = q.size(1);
    const std::int64_t n = position + t;
    const std::int64_t recent =
        std::max<std::int64_t>(0, position / config_.chunk_size - config_.window) * config_.chunk_size;
    const std::int64_t sink = std::min(config_.sink_in_blocks(), recent);
    const at::Tensor k = keys.narrow(1, 0, n);
    const at::Tensor v = values.narrow(1, 0, n);

    // Exact logits of every pair; what a query does not read exactly is masked below.
    at::Tensor exact = at::matmul(q, k.transpose(1, 2));
    const at::Tensor at_key = at::arange(n, q.options().dtype(at::kLong));
    exact.masked_fill_(at_key.unsqueeze(0) > at_key.narrow(0, position, t).unsqueeze(1), kNever);

    const std::int64_t blocks = (recent - sink) / b;
    const std::int64_t retrieved = std::min(config_.retrieve / b, blocks);
    at::Tensor states;        // logits of the condensed states [heads, t, states]
    at::Tensor state_values;  // [heads, states, dim]
    if (blocks > retrieved) {
      const States made = condense(k.narrow(1, sink, recent - sink), v.narrow(1, sink, recent - sink));
      state_values = made.values;
      states = at::matmul(q, made.keys.transpose(1, 2)) + made.log_sizes.unsqueeze(1);
      const Coarse coarse = choose_chunks(q, k, v, sink, recent);
      if (coarse.logits.defined()) states.masked_fill_(coarse.skipped.repeat_interleave(m, 2), kNever);

      at::Tensor read = at::zeros({q.size(0), t, blocks}, q.options().dtype(at::kBool));
      if (retrieved > 0) {
        const at::Tensor score = at::logsumexp(states.reshape({-1, t, blocks, m}), 3);
        read.scatter_(2, std::get<1>(at::topk(score, retrieved, 2)), true);
      }
      states.masked_fill_(read.repeat_interleave(m, 2), kNever);
      exact.narrow(2, sink, recent - sink).masked_fill_(read.logical_not().repeat_interleave(b, 2), kNever);
      if (coarse.logits.defined()) {
        states = at::cat({states, coarse.logits}, 2);
        state_values = at::cat({state_values, coarse.values}, 1);
      }
    }
    if (pairs != nullptr) {
      pairs->exact += static_cast<std::uint64_t>(
          q.size(0) * (t * (sink + position - recent + retrieved * b) + t * (t + 1) / 2));
      pairs->causal += static_cast<std::uint64_t>(q.size(0) * (t * position + t * (t + 1) / 2));
    }
    if (!states.defined()) return at::matmul(at::softmax(exact, 2), v);
    const at::Tensor weights = at::softmax(at::cat({exact, states}, 2), 2);
    return at::matmul(weights.narrow(2, 0, n), v) +
           at::matmul(weights.narrow(2, n, states.size(2)), state_values);
  }

  struct States {
    at::Tensor keys, values;  // [heads, states, dim]
    at::Tensor log_sizes;     // [heads, states]
  };

  /// The states of whole blocks: keys, values [heads, tokens, dim].
  [[nodiscard]] States condense(const at::Tensor& keys, const at::Tensor& values) const {
    const std::int64_t b = config_.block_size;
    const std::int64_t per_block = config_.states_per_block();
    const std::int64_t blocks = keys.size(1) / b;
    const at::Tensor host = keys.transpose(1, 2).to(at::kCPU).contiguous();
    at::Tensor member = at::zeros({keys.size(0), blocks, per_block, b}, host.options());
    KeyGrouper grouper;
    for (std::int64_t head = 0; head < keys.size(0); ++head) {
      for (std::int64_t block = 0; block < blocks; ++block) {
        const auto& group =
            grouper.group(host[head].const_data_ptr<float>() + block * b,
                          static_cast<std::size_t>(keys.size(1)), static_cast<std::size_t>(shape_.head_dim),
                          static_cast<std::size_t>(b), static_cast<std::size_t>(per_block));
        const at::Tensor at_block = member[head][block];
        for (std::int64_t j = 0; j < b; ++j) at_block[group[static_cast<std::size_t>(j)]][j] = 1.0;
      }
    }
    const at::Tensor size = member.sum(3);
    const at::Tensor mean = (member / size.unsqueeze(3)).to(device_);
    const auto averaged = [&](const at::Tensor& x) {
      return at::matmul(mean, x.reshape({x.size(0), blocks, b, x.size(2)})).flatten(1, 2);
    };
    return {averaged(keys), averaged(values), size.log().flatten(1).to(device_)};
  }

  struct Coarse {
    at::Tensor logits;   // of whole-chunk states, -inf for candidates [heads, t, chunks]; undefined: all are
                         // candidates
    at::Tensor values;   // [heads, chunks, dim]
    at::Tensor skipped;  // blocks of chunks that are no candidates [heads, t, blocks]
  };

  [[nodiscard]] Coarse choose_chunks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     std::int64_t sink, std::int64_t recent) const {
    const std::int64_t c = config_.chunk_size;
    const std::int64_t first = sink / c;
    const std::int64_t chunks = recent / c - first;
    const std::int64_t candidates = std::max(config_.candidate_chunks, config_.retrieve / c + 2);
    if (chunks <= candidates) return {};
    const at::Tensor mean =
        k.narrow(1, first * c, chunks * c).reshape({-1, chunks, c, shape_.head_dim}).mean(2);
    at::Tensor logits = at::matmul(q, mean.transpose(1, 2)) + std::log(static_cast<double>(c));
    at::Tensor order = logits.clone();
    // A chunk that the sink cuts has no state of its own, so it is always a candidate.
    if (sink % c != 0) order.select(2, 0).fill_(-kNever);
    at::Tensor chosen = at::zeros(logits.sizes(), q.options().dtype(at::kBool));
    chosen.scatter_(2, std::get<1>(at::topk(order, candidates, 2)), true);
    logits.masked_fill_(chosen, kNever);
    const std::int64_t skip = (sink - first * c) / config_.block_size;
    const at::Tensor skipped = chosen.logical_not().repeat_interleave(c / config_.block_size, 2);
    return {logits, v.narrow(1, first * c, chunks * c).reshape({-1, chunks, c, shape_.head_dim}).mean(2),
            skipped.narrow(2, skip, skipped.size(2) - skip)};
  }

  AttentionShape shape_;
  BsbrConfig config_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Attention> make_bsbr_reference(const AttentionShape& shape, const BsbrConfig& config,
                                               at::Device device) {
  return std::make_unique<BsbrReference>(shape, config, device);
}

}  // namespace bsbr
