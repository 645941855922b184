#include "engine/conversion/head_options.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/attention/anchors.h"
#include "engine/attention/condensed_states.h"

namespace bsbr {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
/// Queries that are looked at.
constexpr std::int64_t kSample = 256;

/// What is the same for all heads of a layer.
struct Sample {
  at::Tensor positions;  // [queries]
  at::Tensor late;       // [queries], 1 where errors count
  at::Tensor near;       // [queries], tokens in the near zone
  at::Tensor far;        // [queries, blocks], 1 where a block is far
};

Sample take_sample(std::int64_t tokens, std::span<const std::int64_t> queries, const BsbrConfig& config,
                   at::Device device) {
  const at::TensorOptions integers = at::TensorOptions(at::kLong).device(device);
  const std::int64_t step = std::max<std::int64_t>(1, tokens / kSample);
  Sample sample;
  sample.positions = queries.empty() ? at::arange(step - 1, tokens, step, integers)
                                     : at::tensor(at::IntArrayRef(queries.data(), queries.size()), integers);
  const at::Tensor recent =
      (sample.positions.div(config.chunk_size, "floor") - config.window).clamp_min(0) * config.chunk_size;
  const at::Tensor begins = at::arange(0, tokens, config.block_size, integers);
  sample.far = begins.ge(config.sink_in_blocks())
                   .unsqueeze(0)
                   .logical_and(begins.unsqueeze(0) < recent.unsqueeze(1))
                   .to(at::kFloat);
  sample.near = sample.positions + 1 - sample.far.sum(1) * config.block_size;
  sample.late = sample.positions.ge(queries.empty() ? tokens / 4 : 0).to(at::kFloat);
  return sample;
}

/// Numerators [queries, dim] and denominators [queries] of a head's softmax, side by side as [.., dim + 1],
/// all in units of each query's largest weight.
struct HeadSums {
  at::Tensor near;   // [queries, dim + 1]
  at::Tensor exact;  // [blocks, queries, dim + 1]: of each far block's keys and values
  at::Tensor state;  // of its states
  at::Tensor share;  // [queries, blocks]: plainly estimated share of a far block; 0 for others
  at::Tensor doubt;  // [queries, blocks]: what its states may get wrong, as in HeadPlan::threshold
};

at::Tensor with_ones(const at::Tensor& values) {
  return at::cat({values, at::ones({values.size(0), 1}, values.options())}, 1);
}

/// query [queries, dim], scaled; keys, values [tokens, dim].
HeadSums sum_up(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                const CondensedStates& states, const Sample& sample, const BsbrConfig& config) {
  const std::int64_t blocks = sample.far.size(1);
  at::Tensor logits = at::matmul(query, keys.t());
  const at::Tensor at_key = at::arange(keys.size(0), sample.positions.options());
  logits.masked_fill_(at_key.unsqueeze(0) > sample.positions.unsqueeze(1), kNever);
  const at::Tensor largest = logits.amax(1, true);
  const auto per_block = [&](const at::Tensor& weights, const at::Tensor& of) {
    return at::bmm(weights.view({query.size(0), blocks, -1}).transpose(0, 1),
                   with_ones(of).view({blocks, -1, of.size(1) + 1}));
  };
  const at::Tensor all = per_block((logits - largest).exp_(), values);
  at::Tensor products = at::matmul(query, states.keys.t()) - largest;
  products.masked_fill_(sample.far.eq(0).repeat_interleave(config.states_per_block(), 1), kNever);
  const at::Tensor far = sample.far.t().unsqueeze(2);

  HeadSums sums;
  sums.exact = all * far;
  sums.near = all.sum(0) - sums.exact.sum(0);
  sums.state = per_block((products + states.biases).exp_(), states.values);
  const at::Tensor plain = (products + states.log_sizes).exp_();
  const auto of_blocks = [&](const at::Tensor& x) { return x.view({query.size(0), blocks, -1}).sum(2); };
  const at::Tensor near = sums.near.select(1, values.size(1)).unsqueeze(1);
  sums.share = of_blocks(plain) / (near + plain.sum(1, true));
  const at::Tensor total = near + sums.state.select(2, values.size(1)).sum(0).unsqueeze(1);
  sums.doubt = of_blocks(plain * states.spread) * query.pow(2).sum(1, true) / total;
  return sums;
}

/// One that retrieves nothing, then some with falling thresholds.
std::vector<HeadPlan> plans_to_try(const BsbrConfig& config, bool states) {
  std::vector<HeadPlan> plans{{0, 0, states}};
  for (int i = 2; i <= 15; ++i) plans.push_back({most_retrieved(config), std::ldexp(1.0, -i), states});
  return plans;
}

}  // namespace

std::int64_t most_retrieved(const BsbrConfig& config) {
  const std::int64_t tokens = config.candidate_chunks * config.chunk_size * 2 / 3;
  return std::min(16 * config.chunk_size, tokens / config.block_size * config.block_size);
}

std::vector<std::vector<HeadOption>> measure_options(const AttentionInput& input, const AttentionShape& shape,
                                                     const Linear& attention_out, const BsbrConfig& config,
                                                     std::span<const std::int64_t> queries) {
  const std::int64_t tokens = input.query.size(0);
  const std::int64_t heads = shape.heads;
  const std::int64_t dim = shape.head_dim;
  const std::int64_t kv_heads = shape.kv_heads;
  const Sample sample = take_sample(tokens, queries, config, input.query.device());
  const at::Tensor stream = input.residual.index_select(0, sample.positions).pow(2).sum(1);
  const at::Tensor counts = sample.late / stream / sample.late.sum();
  const double everything = sample.positions.to(at::kDouble).mean().item<double>() + 1;
  const std::int64_t most = std::min(most_retrieved(config), tokens) / config.block_size;

  Anchors anchors(shape, config);
  anchors.append(input.query, input.scale);
  std::vector<std::vector<HeadOption>> result;
  CondensedStates states;
  for (std::int64_t head = 0; head < heads; ++head) {
    const std::int64_t kv_head = head / (heads / kv_heads);
    const at::Tensor keys = input.key.select(1, kv_head);
    const at::Tensor values = input.value.select(1, kv_head);
    if (head % (heads / kv_heads) == 0)
      states = condense(keys, values, anchors.of(kv_head), config, shape.rope_frequencies);
    const at::Tensor query = input.query.select(1, head).index_select(0, sample.positions) * input.scale;
    const HeadSums sums = sum_up(query, keys, values, states, sample, config);
    const at::Tensor total = sums.near + sums.exact.sum(0);
    const at::Tensor dense = total.narrow(1, 0, dim) / total.narrow(1, dim, 1);
    const at::Tensor out = attention_out.weight.narrow(1, head * dim, dim);
    const at::Tensor metric = at::matmul(out.t(), out);
    std::vector<HeadOption> options;
    for (const bool with_states : {false, true}) {
      const std::vector<HeadPlan> plans = plans_to_try(config, with_states);
      const at::Tensor& score = with_states ? sums.doubt : sums.share;
      // At most so many may be retrieved, whatever the threshold.
      const std::int64_t last = std::min(most, score.size(1));
      const at::Tensor among_most = score.ge(std::get<0>(score.topk(last, 1)).narrow(1, last - 1, 1));
      std::vector<at::Tensor> read;
      read.reserve(plans.size());
      for (const HeadPlan& plan : plans) {
        read.push_back(plan.retrieve == 0 ? at::zeros_like(score)
                                          : score.gt(plan.threshold).logical_and(among_most).to(at::kFloat));
      }
      const at::Tensor chosen = at::stack(read, 1);  // [queries, plans, blocks]
      const at::Tensor gain = with_states ? sums.exact - sums.state : sums.exact;
      at::Tensor sum = at::bmm(chosen, gain.transpose(0, 1)) + sums.near.unsqueeze(1);
      if (with_states) sum += sums.state.sum(0).unsqueeze(1);
      const at::Tensor off = sum.narrow(2, 0, dim) / sum.narrow(2, dim, 1) - dense.unsqueeze(1);
      const at::Tensor error = ((at::matmul(off, metric) * off).sum(2) * counts.unsqueeze(1)).sum(0);
      const at::Tensor pairs = chosen.sum(2).mean(0) * config.block_size + sample.near.mean();
      for (std::size_t i = 0; i < plans.size(); ++i) {
        const auto at = static_cast<std::int64_t>(i);
        options.push_back({plans[i], pairs[at].item<double>(), error[at].item<double>()});
      }
    }
    // Everything: more than any far past has.
    options.push_back({{std::numeric_limits<std::int64_t>::max(), 0, true}, everything, 0});
    result.push_back(std::move(options));
  }
  return result;
}

}  // namespace bsbr
