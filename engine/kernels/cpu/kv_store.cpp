#include "engine/kernels/cpu/kv_store.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/cpu/micro.h"

namespace bsbr {

using micro::kPad;
using micro::padded;

KvStore::KvStore(const KvLayout& layout, const std::vector<float>& frequencies)
    : layout_(layout),
      states_(layout.chunk / layout.compression),
      key_stride_(padded(layout.chunk)),
      state_stride_(padded(states_)),
      value_stride_(padded(layout.dim)),
      values_at_(layout.dim * key_stride_ + kPad),
      state_keys_at_(0),
      state_values_at_(layout.dim * state_stride_ + kPad),
      state_bias_at_(state_values_at_ + states_ * value_stride_),
      state_log_size_at_(state_bias_at_ + state_stride_),
      state_spread_at_(state_log_size_at_ + state_stride_),
      head_floats_(values_at_ + layout.chunk * value_stride_),
      head_state_floats_(state_spread_at_ + 2 * state_stride_),
      grouper_(frequencies),
      mean_queries_(layout.heads, layout.kv_heads, layout.dim, frequencies),
      groups_of_block_(layout.block / layout.compression),
      weights_(layout.block) {}

void KvStore::add_chunk() {
  // Zeroed: a block of keys is read in whole vectors, and padding of values must stay 0.
  chunks_.emplace_back(layout_.kv_heads * head_floats_ * sizeof(float));
  chunks_.back().clear();
  chunk_states_.emplace_back(layout_.kv_heads * head_state_floats_ * sizeof(float));
  chunk_states_.back().clear();
  if (chunks_.size() > groups_.size() * kGroup) {
    groups_.emplace_back(layout_.kv_heads * kGroup * (layout_.dim + value_stride_) * sizeof(float));
    groups_.back().clear();
  }
}

void KvStore::forget(std::size_t first, std::size_t end) {
  for (forgotten_ = std::max(forgotten_, first); forgotten_ < end; ++forgotten_)
    chunks_[forgotten_] = Buffer();
}

std::size_t KvStore::bytes() const {
  std::size_t sum = 0;
  for (const auto* buffers : {&chunks_, &chunk_states_, &groups_}) {
    for (const Buffer& buffer : *buffers) sum += buffer.bytes();
  }
  return sum;
}

const float* KvStore::chunk_keys(std::size_t group, std::size_t head) const {
  return groups_[group].floats() + head * kGroup * (layout_.dim + value_stride_);
}

const float* KvStore::chunk_values(std::size_t group, std::size_t head) const {
  return chunk_keys(group, head) + kGroup * layout_.dim;
}

void KvStore::append(const TokenRows& queries, const TokenRows& keys, const TokenRows& values,
                     std::size_t tokens, double scale) {
  for (std::size_t t = 0; t < tokens; ++t) {
    const std::size_t chunk = tokens_ / layout_.chunk;
    const std::size_t column = tokens_ % layout_.chunk;
    if (column == 0) add_chunk();
    for (std::size_t head = 0; head < layout_.kv_heads; ++head) {
      const float* key = keys.data + t * keys.token_stride + head * keys.head_stride;
      float* to = part(chunk, head, 0) + column;
      for (std::size_t i = 0; i < layout_.dim; ++i) to[i * key_stride_] = key[i];
      const float* value = values.data + t * values.token_stride + head * values.head_stride;
      std::copy_n(value, layout_.dim, part(chunk, head, values_at_) + column * value_stride_);
    }
    mean_queries_.add(queries.data + t * queries.token_stride, queries.head_stride, scale);
    ++tokens_;
    if (tokens_ % layout_.chunk == 0) condense(chunk);
  }
}

void KvStore::condense(std::size_t chunk) {
  for (std::size_t block = 0; block < layout_.chunk / layout_.block; ++block) {
    const auto first = static_cast<double>(chunk * layout_.chunk + block * layout_.block);
    mean_queries_.look_from(first + static_cast<double>(layout_.block - 1) / 2);
    for (std::size_t head = 0; head < layout_.kv_heads; ++head)
      condense_block(chunk, head, block, mean_queries_.expected(head).data());
  }
  for (std::size_t head = 0; head < layout_.kv_heads; ++head) condense_chunk(chunk, head);
}

void KvStore::weigh(const float* keys, const std::vector<std::int32_t>& group, const float* anchor) {
  const std::size_t b = layout_.block;
  std::fill(weights_.begin(), weights_.end(), 0.0F);
  for (std::size_t i = 0; i < layout_.dim; ++i) {
    for (std::size_t j = 0; j < b; ++j) weights_[j] += anchor[i] * keys[i * key_stride_ + j];
  }
  std::fill(groups_of_block_.begin(), groups_of_block_.end(), Group());
  const auto group_of = [&](std::size_t j) -> Group& {
    return groups_of_block_[static_cast<std::size_t>(group[j])];
  };
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

void KvStore::condense_block(std::size_t chunk, std::size_t head, std::size_t block, const float* anchor) {
  const std::size_t b = layout_.block;
  const std::size_t states = b / layout_.compression;
  const float* keys = part(chunk, head, 0) + block * b;
  const float* values = part(chunk, head, values_at_) + block * b * value_stride_;
  float* state_keys = state_part(chunk, head, state_keys_at_) + block * states;
  float* state_values = state_part(chunk, head, state_values_at_) + block * states * value_stride_;
  float* bias = state_part(chunk, head, state_bias_at_) + block * states;
  float* log_size = state_part(chunk, head, state_log_size_at_) + block * states;
  float* spread = state_part(chunk, head, state_spread_at_) + block * states;

  const std::vector<std::int32_t>& group = grouper_.group(keys, key_stride_, layout_.dim, b, states);
  weigh(keys, group, anchor);
  for (std::size_t j = 0; j < b; ++j) {
    const auto s = static_cast<std::size_t>(group[j]);
    const float share = 1.0F / groups_of_block_[s].size;
    const float anchored_share = weights_[j] / groups_of_block_[s].mass;
    for (std::size_t i = 0; i < layout_.dim; ++i) {
      state_keys[i * state_stride_ + s] += share * keys[i * key_stride_ + j];
      state_values[s * value_stride_ + i] += anchored_share * values[j * value_stride_ + i];
    }
  }
  for (std::size_t j = 0; j < b; ++j) {
    const auto s = static_cast<std::size_t>(group[j]);
    float away = 0;
    for (std::size_t i = 0; i < layout_.dim; ++i) {
      const float difference = keys[i * key_stride_ + j] - state_keys[i * state_stride_ + s];
      away += difference * difference;
    }
    spread[s] += away / (groups_of_block_[s].size * static_cast<float>(layout_.dim));
  }
  for (std::size_t s = 0; s < states; ++s) {
    const Group& of = groups_of_block_[s];
    log_size[s] = std::log(of.size);
    const float exact = std::log(of.mass) + (of.largest - of.logits / of.size);
    bias[s] = std::min(exact, log_size[s] + kMostLift);
    const float plain_part = log_size[s] - bias[s];
    spread[state_stride_ + s] = std::log(std::max(spread[s], kLeastSpread)) + plain_part;
    spread[s] *= std::exp(plain_part);
  }
}

void KvStore::condense_chunk(std::size_t chunk, std::size_t head) {
  const float* keys = part(chunk, head, 0);
  const float* values = part(chunk, head, values_at_);
  float* group = groups_[chunk / kGroup].floats() + head * kGroup * (layout_.dim + value_stride_);
  float* chunk_key = group + chunk % kGroup;
  float* chunk_value = group + kGroup * layout_.dim + chunk % kGroup * value_stride_;
  const float share = 1.0F / static_cast<float>(layout_.chunk);
  for (std::size_t j = 0; j < layout_.chunk; ++j) {
    for (std::size_t i = 0; i < layout_.dim; ++i) {
      chunk_key[i * kGroup] += share * keys[i * key_stride_ + j];
      chunk_value[i] += share * values[j * value_stride_ + i];
    }
  }
}

}  // namespace bsbr
