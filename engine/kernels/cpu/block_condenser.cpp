#include "engine/kernels/cpu/block_condenser.h"

#include <algorithm>
#include <cmath>

namespace bsbr {

BlockCondenser::BlockCondenser(const Layout& layout, const std::vector<float>& frequencies)
    : layout_(layout), grouper_(frequencies), groups_(layout.states), weights_(layout.block) {}

void BlockCondenser::weigh(const BlockToCondense& block, const std::vector<std::int32_t>& group) {
  const std::size_t b = layout_.block;
  std::fill(weights_.begin(), weights_.end(), 0.0F);
  for (std::size_t i = 0; i < layout_.dim; ++i) {
    for (std::size_t j = 0; j < b; ++j)
      weights_[j] += block.anchor[i] * block.keys[i * layout_.key_stride + j];
  }
  std::fill(groups_.begin(), groups_.end(), Group());
  const auto group_of = [&](std::size_t j) -> Group& { return groups_[static_cast<std::size_t>(group[j])]; };
  for (std::size_t j = 0; j < b; ++j) {
    Group& to = group_of(j);
    ++to.size;
    to.logits += weights_[j];
    to.largest = std::max(to.largest, weights_[j]);
  }
  for (std::size_t j = 0; j < b; ++j) {
    Group& to = group_of(j);
    weights_[j] = std::exp(weights_[j] - to.largest);
    to.mass += weights_[j];
  }
}

void BlockCondenser::condense(const BlockToCondense& block) {
  const std::size_t b = layout_.block;
  const std::size_t states = layout_.states;
  const std::vector<std::int32_t>& group =
      grouper_.group(block.keys, layout_.key_stride, layout_.dim, b, states);
  weigh(block, group);
  for (std::size_t j = 0; j < b; ++j) {
    const auto s = static_cast<std::size_t>(group[j]);
    const float share = 1.0F / groups_[s].size;
    const float anchored_share = weights_[j] / groups_[s].mass;
    for (std::size_t i = 0; i < layout_.dim; ++i) {
      block.state_keys[i * layout_.state_stride + s] += share * block.keys[i * layout_.key_stride + j];
      block.state_values[s * layout_.value_stride + i] +=
          anchored_share * block.values[j * layout_.value_stride + i];
    }
  }
  for (std::size_t j = 0; j < b; ++j) {
    const auto s = static_cast<std::size_t>(group[j]);
    float away = 0;
    for (std::size_t i = 0; i < layout_.dim; ++i) {
      const float difference =
          block.keys[i * layout_.key_stride + j] - block.state_keys[i * layout_.state_stride + s];
      away += difference * difference;
    }
    block.spread[s] += away / (groups_[s].size * static_cast<float>(layout_.dim));
  }
  for (std::size_t s = 0; s < states; ++s) {
    const Group& of = groups_[s];
    block.log_size[s] = std::log(of.size);
    const float exact = std::log(of.mass) + (of.largest - of.logits / of.size);
    block.bias[s] = std::min(exact, block.log_size[s] + kMostLift);
    const float plain_part = block.log_size[s] - block.bias[s];
    block.log_spread[s] = std::log(std::max(block.spread[s], kLeastSpread)) + plain_part;
    block.spread[s] *= std::exp(plain_part);
  }
}

}  // namespace bsbr
