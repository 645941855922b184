#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <array>
#include <utility>

#include "engine/attention/attention.h"

namespace bsbr {

/// Keys and values as two tensors [kv_heads, capacity, dim], filled from the front.
class TensorCache : public LayerCache {
 public:
  TensorCache(const AttentionShape& shape, std::int64_t capacity, at::Device device)
      : sizes_{shape.kv_heads, capacity, shape.head_dim}, device_(device) {}

  /// key, value [N, kv_heads, dim].
  void append(const at::Tensor& key, const at::Tensor& value) {
    if (!keys_.defined()) {
      keys_ = at::empty(sizes_, key.options().device(device_));
      values_ = at::empty_like(keys_);
    }
    const std::int64_t added = key.size(0);
    keys_.narrow(1, tokens_, added).copy_(key.transpose(0, 1));
    values_.narrow(1, tokens_, added).copy_(value.transpose(0, 1));
    tokens_ += added;
  }
  [[nodiscard]] std::int64_t tokens() const override { return tokens_; }
  [[nodiscard]] std::int64_t bytes() const override {
    return tokens_ == 0 ? 0 : static_cast<std::int64_t>(keys().nbytes() + values().nbytes());
  }
  /// [kv_heads, tokens, dim].
  [[nodiscard]] at::Tensor keys() const { return keys_.narrow(1, 0, tokens_); }
  [[nodiscard]] at::Tensor values() const { return values_.narrow(1, 0, tokens_); }

 private:
  std::array<std::int64_t, 3> sizes_;
  at::Device device_;
  at::Tensor keys_, values_;  // made by the first tokens, in their type
  std::int64_t tokens_ = 0;
};

/// The keys and values [kv_heads, tokens, dim] that N new tokens attend to, after appending them where there
/// is a cache.
inline std::pair<at::Tensor, at::Tensor> append_to(LayerCache* cache, const at::Tensor& key,
                                                   const at::Tensor& value) {
  if (cache == nullptr) return {key.transpose(0, 1), value.transpose(0, 1)};
  auto& tensors = dynamic_cast<TensorCache&>(*cache);
  tensors.append(key, value);
  return {tensors.keys(), tensors.values()};
}

}  // namespace bsbr
