#include "engine/kernels/cpu/kv_store.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>

#include "engine/kernels/cpu/micro.h"

namespace bsbr {
namespace {

/// work(begin, end) over [0, count), on all threads if that is worth their start.
template <class Work>
void in_parallel(std::size_t count, bool worth, const Work& work) {
  if (count == 0) return;
  const auto n = static_cast<std::int64_t>(count);
  at::parallel_for(0, n, worth ? 1 : n, [&](std::int64_t begin, std::int64_t end) {
    work(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
  });
}

}  // namespace

using micro::kPad;
using micro::padded;

KvStore::KvStore(const KvLayout& layout, const std::vector<float>& frequencies)
    : layout_(layout),
      blocks_(layout.chunk / layout.block),
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
      frequencies_(frequencies),
      mean_queries_(layout.kv_heads, MeanQuery(layout.heads / layout.kv_heads, layout.dim, frequencies)) {}

void KvStore::add_chunk() {
  chunks_.emplace_back(layout_.kv_heads * head_floats_ * sizeof(float));
  anchors_.emplace_back(layout_.kv_heads * blocks_ * layout_.dim * sizeof(float));
}

void KvStore::add_states() {
  chunk_states_.emplace_back(layout_.kv_heads * head_state_floats_ * sizeof(float));
  chunk_states_.back().clear();
  if (chunk_states_.size() > groups_.size() * kGroup) {
    groups_.emplace_back(layout_.kv_heads * kGroup * (layout_.dim + value_stride_) * sizeof(float));
    groups_.back().clear();
  }
}

void KvStore::forget(std::size_t first, std::size_t end) {
  make_states(end);
  for (forgotten_ = std::max(forgotten_, first); forgotten_ < end; ++forgotten_)
    chunks_[forgotten_] = Buffer();
}

std::size_t KvStore::bytes() const {
  std::size_t sum = 0;
  for (const auto* buffers : {&chunks_, &anchors_, &chunk_states_, &groups_}) {
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
  const std::size_t first = tokens_;
  tokens_ += tokens;
  const std::size_t old = chunks_.size();
  while (chunks_.size() * layout_.chunk < tokens_) add_chunk();
  const std::size_t first_chunk = first / layout_.chunk;
  in_parallel(chunks_.size() - first_chunk, tokens > 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t chunk = first_chunk + begin; chunk < first_chunk + end; ++chunk) {
      const std::size_t until = std::min(tokens_, (chunk + 1) * layout_.chunk);
      const std::size_t from = std::max(first, chunk * layout_.chunk);
      if (chunk >= old) clear_rest(chunk, until - from);
      for (std::size_t head = 0; head < layout_.kv_heads; ++head) {
        for (std::size_t t = from, count = 0; t < until; t += count) {
          count = std::min(kPad, until - t);
          put(t, count, head, keys.after(t - first), values.after(t - first));
        }
      }
    }
  });
  in_parallel(layout_.kv_heads, tokens > 1, [&](std::size_t head_begin, std::size_t head_end) {
    for (std::size_t head = head_begin; head < head_end; ++head) {
      const std::size_t first_query = head * (layout_.heads / layout_.kv_heads);
      for (std::size_t t = 0; t < tokens; ++t) {
        mean_queries_[head].add(queries.of(t, first_query), queries.head_stride, scale);
        const std::size_t filled = first + t + 1;
        if (filled % layout_.chunk == 0) expect_queries(filled / layout_.chunk - 1, head);
      }
    }
  });
}

void KvStore::clear_rest(std::size_t chunk, std::size_t tokens) {
  const bool padded_rows = key_stride_ != layout_.chunk || value_stride_ != layout_.dim;
  if (tokens < layout_.chunk || padded_rows) return chunks_[chunk].clear();
  for (std::size_t head = 0; head < layout_.kv_heads; ++head)
    std::fill_n(part(chunk, head, values_at_ - kPad), kPad, 0.0F);
}

void KvStore::make_states(std::size_t end) {
  const std::size_t first = chunk_states_.size();
  if (end <= first) return;
  while (chunk_states_.size() < end) add_states();
  in_parallel((end - first) * layout_.kv_heads, true, [&](std::size_t begin, std::size_t stop) {
    BlockCondenser condenser({layout_.dim, layout_.block, layout_.block / layout_.compression, key_stride_,
                              value_stride_, state_stride_},
                             frequencies_);
    for (std::size_t i = begin; i < stop; ++i) {
      condense(first + i / layout_.kv_heads, i % layout_.kv_heads, condenser);
    }
  });
  for (std::size_t chunk = first; chunk < end; ++chunk) anchors_[chunk] = Buffer();
}

void KvStore::put(std::size_t token, std::size_t count, std::size_t head, const TokenRows& keys,
                  const TokenRows& values) {
  const std::size_t chunk = token / layout_.chunk;
  const std::size_t column = token % layout_.chunk;
  float* to = part(chunk, head, 0) + column;
  std::array<const float*, kPad> key{};
  for (std::size_t t = 0; t < count; ++t) key[t] = keys.of(t, head);
  // Dimension by dimension, so that what is written together lies together.
  for (std::size_t i = 0; i < layout_.dim; ++i) {
    for (std::size_t t = 0; t < count; ++t) to[i * key_stride_ + t] = key[t][i];
  }
  float* to_value = part(chunk, head, values_at_) + column * value_stride_;
  for (std::size_t t = 0; t < count; ++t)
    std::copy_n(values.of(t, head), layout_.dim, to_value + t * value_stride_);
}

void KvStore::expect_queries(std::size_t chunk, std::size_t head) {
  for (std::size_t block = 0; block < blocks_; ++block) {
    const auto begin = static_cast<double>(chunk * layout_.chunk + block * layout_.block);
    mean_queries_[head].expect(begin + static_cast<double>(layout_.block - 1) / 2,
                               anchor(chunk, head, block));
  }
}

void KvStore::condense(std::size_t chunk, std::size_t head, BlockCondenser& condenser) {
  const std::size_t states = layout_.block / layout_.compression;
  for (std::size_t block = 0; block < blocks_; ++block) {
    float* spread = state_part(chunk, head, state_spread_at_) + block * states;
    condenser.condense({part(chunk, head, 0) + block * layout_.block,
                        part(chunk, head, values_at_) + block * layout_.block * value_stride_,
                        anchor(chunk, head, block), state_part(chunk, head, state_keys_at_) + block * states,
                        state_part(chunk, head, state_values_at_) + block * states * value_stride_,
                        state_part(chunk, head, state_bias_at_) + block * states,
                        state_part(chunk, head, state_log_size_at_) + block * states, spread,
                        spread + state_stride_});
  }
  condense_chunk(chunk, head);
}

void KvStore::condense_chunk(std::size_t chunk, std::size_t head) {
  const float* keys = part(chunk, head, 0);
  const float* values = part(chunk, head, values_at_);
  float* group = groups_[chunk / kGroup].floats() + head * kGroup * (layout_.dim + value_stride_);
  float* chunk_key = group + chunk % kGroup;
  float* chunk_value = group + kGroup * layout_.dim + chunk % kGroup * value_stride_;
  const float share = 1.0F / static_cast<float>(layout_.chunk);
  for (std::size_t i = 0; i < layout_.dim; ++i)
    chunk_key[i * kGroup] = share * micro::sum(keys + i * key_stride_, layout_.chunk);
  for (std::size_t j = 0; j < layout_.chunk; ++j) {
    for (std::size_t i = 0; i < layout_.dim; ++i) chunk_value[i] += share * values[j * value_stride_ + i];
  }
}

}  // namespace bsbr
