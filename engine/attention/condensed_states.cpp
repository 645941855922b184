#include "engine/attention/condensed_states.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "engine/kernels/cpu/group_keys.h"
#include "engine/kernels/cpu/kv_store.h"

namespace bsbr {

CondensedStates condense(const at::Tensor& keys, const at::Tensor& values, const at::Tensor& anchors,
                         const BsbrConfig& config, const std::vector<float>& rope_frequencies) {
  const std::int64_t b = config.block_size;
  const std::int64_t per_block = config.states_per_block();
  const std::int64_t blocks = keys.size(0) / b;
  const at::Tensor host = keys.t().to(at::kCPU).contiguous();
  at::Tensor member = at::zeros({blocks, per_block, b}, host.options());
  float* at_member = member.data_ptr<float>();
  KeyGrouper grouper(rope_frequencies);
  for (std::int64_t block = 0; block < blocks; ++block) {
    const auto& group =
        grouper.group(host.const_data_ptr<float>() + block * b, static_cast<std::size_t>(keys.size(0)),
                      static_cast<std::size_t>(keys.size(1)), static_cast<std::size_t>(b),
                      static_cast<std::size_t>(per_block));
    for (std::int64_t j = 0; j < b; ++j) {
      at_member[(block * per_block + group[static_cast<std::size_t>(j)]) * b + j] = 1.0F;
    }
  }
  const at::Tensor size = member.sum(2);
  const at::Tensor mean = (member / size.unsqueeze(2)).to(keys.device());
  const auto averaged = [&](const at::Tensor& weights, const at::Tensor& x) {
    return at::matmul(weights, x.reshape({blocks, b, x.size(1)})).flatten(0, 1);
  };
  const at::Tensor mean_keys = averaged(mean, keys);
  const at::Tensor logits =
      at::matmul(keys.reshape({blocks, b, keys.size(1)}), anchors.unsqueeze(2)).transpose(1, 2);
  const at::Tensor own = logits.masked_fill(mean.eq(0), -std::numeric_limits<double>::infinity());
  const at::Tensor log_sizes = size.log().to(keys.device());
  const at::Tensor biases =
      at::minimum(at::logsumexp(own, 2) - (mean * logits).sum(2), log_sizes + BlockCondenser::kMostLift);
  // |k - k̃|² of every key to every state of its block, [blocks, states, b]; the group's own are averaged.
  const at::Tensor away =
      (keys.reshape({blocks, 1, b, keys.size(1)}) - mean_keys.reshape({blocks, per_block, 1, keys.size(1)}))
          .pow(2)
          .mean(3);
  const at::Tensor shares = at::softmax(own, 2);
  const at::Tensor first_states = at::arange(0, blocks * per_block, per_block, at::kLong).unsqueeze(1);
  return {mean_keys,
          averaged(shares, values),
          biases.flatten(),
          log_sizes.flatten(),
          (mean * away).sum(2).flatten(),
          (member.argmax(1) + first_states).flatten().to(keys.device()),
          shares.sum(1).flatten()};
}

}  // namespace bsbr
