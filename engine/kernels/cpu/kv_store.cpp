#include "engine/kernels/cpu/kv_store.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/kernels/cpu/micro.h"

namespace bsbr {

using micro::kPad;
using micro::padded;

KvStore::KvStore(const KvLayout& layout, std::vector<float> frequencies)
    : layout_(layout),
      states_(layout.chunk / layout.compression),
      key_stride_(padded(layout.chunk)),
      state_stride_(padded(states_)),
      value_stride_(padded(layout.dim)),
      values_at_(layout.dim * key_stride_ + kPad),
      state_keys_at_(0),
      state_values_at_(layout.dim * state_stride_ + kPad),
      state_bias_at_(state_values_at_ + states_ * value_stride_),
      state_spread_at_(state_bias_at_ + state_stride_),
      head_floats_(values_at_ + layout.chunk * value_stride_),
      head_state_floats_(state_spread_at_ + 2 * state_stride_),
      grouper_(std::move(frequencies)) {}

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

void KvStore::append(const float* keys, const float* values, std::size_t tokens, std::size_t key_token_stride,
                     std::size_t key_head_stride, std::size_t value_token_stride,
                     std::size_t value_head_stride) {
  for (std::size_t t = 0; t < tokens; ++t) {
    const std::size_t chunk = tokens_ / layout_.chunk;
    const std::size_t column = tokens_ % layout_.chunk;
    if (column == 0) add_chunk();
    for (std::size_t head = 0; head < layout_.kv_heads; ++head) {
      const float* key = keys + t * key_token_stride + head * key_head_stride;
      float* to = part(chunk, head, 0) + column;
      for (std::size_t i = 0; i < layout_.dim; ++i) to[i * key_stride_] = key[i];
      const float* value = values + t * value_token_stride + head * value_head_stride;
      std::copy_n(value, layout_.dim, part(chunk, head, values_at_) + column * value_stride_);
    }
    ++tokens_;
    if (tokens_ % layout_.chunk != 0) continue;
    for (std::size_t head = 0; head < layout_.kv_heads; ++head) condense(chunk, head);
  }
}

void KvStore::condense_block(std::size_t chunk, std::size_t head, std::size_t block) {
  const std::size_t b = layout_.block;
  const std::size_t states = b / layout_.compression;
  const float* keys = part(chunk, head, 0) + block * b;
  const float* values = part(chunk, head, values_at_) + block * b * value_stride_;
  float* state_keys = state_part(chunk, head, state_keys_at_) + block * states;
  float* state_values = state_part(chunk, head, state_values_at_) + block * states * value_stride_;
  float* bias = state_part(chunk, head, state_bias_at_) + block * states;
  float* spread = state_part(chunk, head, state_spread_at_) + block * states;

  const std::vector<std::int32_t>& group = grouper_.group(keys, key_stride_, layout_.dim, b, states);
  sizes_.assign(states, 0);
  for (const std::int32_t g : group) ++sizes_[static_cast<std::size_t>(g)];
  for (std::size_t s = 0; s < states; ++s) bias[s] = std::log(static_cast<float>(sizes_[s]));
  for (std::size_t j = 0; j < b; ++j) {
    const auto s = static_cast<std::size_t>(group[j]);
    const float share = 1.0F / static_cast<float>(sizes_[s]);
    for (std::size_t i = 0; i < layout_.dim; ++i) {
      state_keys[i * state_stride_ + s] += share * keys[i * key_stride_ + j];
      state_values[s * value_stride_ + i] += share * values[j * value_stride_ + i];
    }
  }
  for (std::size_t j = 0; j < b; ++j) {
    const auto s = static_cast<std::size_t>(group[j]);
    float away = 0;
    for (std::size_t i = 0; i < layout_.dim; ++i) {
      const float difference = keys[i * key_stride_ + j] - state_keys[i * state_stride_ + s];
      away += difference * difference;
    }
    spread[s] += away / static_cast<float>(sizes_[s] * layout_.dim);
  }
  for (std::size_t s = 0; s < states; ++s)
    spread[state_stride_ + s] = std::log(std::max(spread[s], kLeastSpread));
}

void KvStore::condense(std::size_t chunk, std::size_t head) {
  for (std::size_t block = 0; block < layout_.chunk / layout_.block; ++block)
    condense_block(chunk, head, block);
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
