#include "engine/attention/selection.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/kernels/zones.h"

namespace bsbr {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

/// First token that is near to a query at `position` and no sink.
std::int64_t recent_at(std::int64_t position, const BsbrConfig& config) {
  return zones::chunks_before_near(position, config.chunk_size, config.window) * config.chunk_size;
}

}  // namespace

Selector::Selector(at::Tensor keys, at::Tensor values, const at::Tensor& anchors, const BsbrConfig& config,
                   const std::vector<float>& rope_frequencies)
    : config_(config), keys_(std::move(keys)), values_(std::move(values)) {
  const std::int64_t far = recent_at(keys_.size(0) - 1, config_);
  if (far <= config_.sink_in_blocks()) return;
  states_ = condense(keys_.narrow(0, 0, far), values_.narrow(0, 0, far),
                     anchors.narrow(0, 0, far / config_.block_size), config_, rope_frequencies);
  const auto means = [&](const at::Tensor& x) {
    return x.narrow(0, 0, far).reshape({-1, config_.chunk_size, x.size(1)}).mean(1);
  };
  chunk_keys_ = means(keys_);
  chunk_values_ = means(values_);
}

Selection Selector::select(const at::Tensor& query, std::span<const std::int64_t> positions,
                           const HeadPlan& plan) const {
  const std::int64_t b = config_.block_size;
  const std::int64_t tokens = positions.back() + 1;
  Selection selection{};
  selection.recent = recent_at(positions.front(), config_);
  selection.sink = std::min(config_.sink_in_blocks(), selection.recent);
  const std::int64_t far = selection.recent - selection.sink;

  const at::TensorOptions integers = query.options().dtype(at::kLong);
  const at::Tensor at_query = at::tensor(at::IntArrayRef(positions.data(), positions.size()), integers);
  selection.exact = at::arange(tokens, integers).unsqueeze(0) <= at_query.unsqueeze(1);
  selection.logits = at::matmul(query, keys_.narrow(0, 0, tokens).t());
  selection.logits.masked_fill_(selection.exact.logical_not(), kNever);

  selection.retrieved = at::zeros({query.size(0), far / b}, query.options().dtype(at::kBool));
  if (far == 0 || (plan.threshold <= 0 && far <= plan.retrieve)) {
    selection.retrieved.fill_(true);
  } else if (plan.retrieve > 0 || plan.states) {
    const at::Tensor terms = weigh_states(query, plan, selection);
    choose_blocks(terms, plan, selection);
  }
  selection.exact.narrow(1, selection.sink, far).copy_(selection.retrieved.repeat_interleave(b, 1));
  if (!plan.states) {
    selection.state_logits = selection.state_values = at::Tensor();
  } else if (selection.state_logits.defined()) {
    const std::int64_t per_block = config_.states_per_block();
    selection.state_logits.narrow(1, 0, far / b * per_block)
        .masked_fill_(selection.retrieved.repeat_interleave(per_block, 1), kNever);
  }
  return selection;
}

at::Tensor Selector::weights(const Selection& selection) const {
  const at::Tensor exact = selection.logits.masked_fill(selection.exact.logical_not(), kNever);
  if (!selection.state_logits.defined()) return at::softmax(exact, 1);
  const std::int64_t tokens = exact.size(1);
  const std::int64_t far = selection.recent - selection.sink;
  const std::int64_t begin = selection.sink / config_.compression_factor;
  const std::int64_t states = selection.recent / config_.compression_factor - begin;
  const at::Tensor all = at::softmax(at::cat({exact, selection.state_logits}, 1), 1);
  at::Tensor spread = all.narrow(1, tokens, states)
                          .index_select(1, states_.groups.narrow(0, selection.sink, far) - begin)
                          .mul_(states_.shares.narrow(0, selection.sink, far));
  const std::int64_t chunks = selection.state_logits.size(1) - states;
  if (chunks > 0) {
    const std::int64_t c = config_.chunk_size;
    const at::Tensor of_keys = all.narrow(1, tokens + states, chunks).repeat_interleave(c, 1);
    spread.add_(of_keys.narrow(1, of_keys.size(1) - far, far), 1.0 / static_cast<double>(c));
  }
  at::Tensor weights = all.narrow(1, 0, tokens).clone();
  weights.narrow(1, selection.sink, far).add_(spread);
  return weights;
}

at::Tensor Selector::weigh_states(const at::Tensor& query, const HeadPlan& plan, Selection& selection) const {
  const std::int64_t c = config_.chunk_size;
  const std::int64_t sink = selection.sink;
  const std::int64_t begin = sink / config_.compression_factor;
  const std::int64_t count = selection.recent / config_.compression_factor - begin;
  const auto of_far = [&](const at::Tensor& x) { return x.narrow(0, begin, count); };
  const at::Tensor products = at::matmul(query, of_far(states_.keys).t());
  const at::Tensor plain = products + of_far(states_.log_sizes);
  selection.state_logits = plan.states ? products + of_far(states_.biases) : plain;
  selection.state_values = of_far(states_.values);
  at::Tensor terms = plain;
  if (plan.states) {
    // The spread of a single key is far below all others, but not -inf.
    terms = plain + of_far(states_.spread).clamp_min(1e-30).log() + query.pow(2).sum(1, true).log();
  }

  const std::int64_t first = sink / c;
  const std::int64_t chunks = selection.recent / c - first;
  const std::int64_t candidates = zones::most_candidates(config_.candidate_chunks, plan.retrieve, c);
  if (chunks <= candidates) return terms;
  at::Tensor logits =
      at::matmul(query, chunk_keys_.narrow(0, first, chunks).t()) + std::log(static_cast<double>(c));
  at::Tensor order = logits.clone();
  // A chunk that the sink cuts has no state of its own, so it is always a candidate.
  if (sink % c != 0) order.select(1, 0).fill_(-kNever);
  at::Tensor chosen = at::zeros(logits.sizes(), query.options().dtype(at::kBool));
  chosen.scatter_(1, std::get<1>(at::topk(order, candidates, 1)), true);
  logits.masked_fill_(chosen, kNever);
  const std::int64_t skip = (sink - first * c) / config_.compression_factor;
  const at::Tensor skipped = chosen.logical_not().repeat_interleave(c / config_.compression_factor, 1);
  for (at::Tensor& x : {std::ref(selection.state_logits), std::ref(terms)})
    x = x.masked_fill(skipped.narrow(1, skip, count), kNever);
  selection.state_logits = at::cat({selection.state_logits, logits}, 1);
  selection.state_values = at::cat({selection.state_values, chunk_values_.narrow(0, first, chunks)}, 0);
  return terms;
}

void Selector::choose_blocks(const at::Tensor& terms, const HeadPlan& plan, Selection& selection) const {
  const std::int64_t blocks = selection.retrieved.size(1);
  const std::int64_t most = std::min(plan.retrieve / config_.block_size, blocks);
  const std::int64_t recent = selection.recent;
  const at::Tensor near =
      at::logsumexp(at::cat({selection.logits.narrow(1, 0, selection.sink),
                             selection.logits.narrow(1, recent, selection.logits.size(1) - recent)},
                            1),
                    1);
  const at::Tensor total = at::logaddexp(near, at::logsumexp(selection.state_logits, 1)).unsqueeze(1);
  selection.scores = at::logsumexp(terms.reshape({terms.size(0), blocks, -1}), 2) - total;
  if (most == 0) return;
  const auto [score, order] = at::topk(selection.scores, most, 1);
  if (plan.threshold > 0) {
    selection.retrieved.scatter_(1, order, score > std::log(plan.threshold));
  } else {
    selection.retrieved.scatter_(1, order, true);
  }
}

}  // namespace bsbr
