#include "engine/analysis/head_meter.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "engine/attention/anchors.h"
#include "engine/attention/selection.h"

namespace bsbr {
namespace {

/// Queries that are looked at, at most.
constexpr std::int64_t kSample = 64;

}  // namespace

HeadMeter::HeadMeter(const Decoder& converted, std::int64_t from, std::int64_t to, Job job)
    : shape_(converted.attention_shape()), job_(std::move(job)) {
  if (!converted.config().bsbr)
    throw Error(ErrorKind::InvalidArgument, "heads are measured of a converted model only");
  config_ = *converted.config().bsbr;
  // Evenly spaced, the last of them the last query.
  const std::int64_t count = std::min(kSample, to - from);
  for (std::int64_t i = 1; i <= count; ++i) positions_.push_back(from + (to - from) * i / count - 1);
}

void HeadMeter::look(const AttentionInput& input, const at::Tensor& out) {
  const std::vector<HeadPlan> plans = config_.heads_of(input.layer, shape_.heads);
  const std::int64_t group = shape_.heads / shape_.kv_heads;
  const auto samples = static_cast<double>(positions_.size());
  Anchors anchors(shape_, config_);
  anchors.append(input.query, input.scale);
  for (std::int64_t kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
    job_.check();
    const at::Tensor values = input.value.select(1, kv_head);
    const Selector selector(input.key.select(1, kv_head), values, anchors.of(kv_head), config_,
                            shape_.rope_frequencies);
    for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      HeadFidelity result{input.layer, head, 0, 0, 0};
      for (auto begin = positions_.begin(); begin != positions_.end();) {
        const auto end = std::find_if(begin, positions_.end(), [&](std::int64_t position) {
          return position / config_.chunk_size != *begin / config_.chunk_size;
        });
        const std::span<const std::int64_t> here(begin, end);
        const at::Tensor rows = at::tensor(at::IntArrayRef(here.data(), here.size()),
                                           at::TensorOptions(at::kLong).device(out.device()));
        const Selection chosen =
            selector.select(input.query.select(1, head).index_select(0, rows) * input.scale, here,
                            plans[static_cast<std::size_t>(head)]);
        const at::Tensor weights = at::softmax(chosen.logits, 1);
        const at::Tensor exact = at::matmul(weights, values.narrow(0, 0, weights.size(1)));
        const at::Tensor made = out.narrow(1, head * shape_.head_dim, shape_.head_dim).index_select(0, rows);
        const at::Tensor errors = (made - exact).norm(2, 1) / exact.norm(2, 1).clamp_min(1e-30);
        result.error += errors.sum().item<double>() / samples;
        result.lost_mass += weights.masked_fill(chosen.exact, 0).sum().item<double>() / samples;
        begin = end;
      }
      heads_.push_back(result);
    }
  }
}

std::vector<HeadFidelity> HeadMeter::result(std::span<const PairCount> pairs) const {
  std::vector<HeadFidelity> heads = heads_;
  for (std::size_t i = 0; i < heads.size(); ++i) heads[i].density = density_of(pairs.subspan(i, 1));
  return heads;
}

}  // namespace bsbr
