#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/le.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <algorithm>

#include "engine/attention/tensor_cache.h"

namespace bsbr {
namespace {

class DenseAttention : public Attention {
 public:
  DenseAttention(const AttentionShape& shape, at::Device device) : shape_(shape), device_(device) {}

  [[nodiscard]] std::unique_ptr<LayerCache> make_cache(std::int64_t capacity) const override {
    return std::make_unique<TensorCache>(shape_, capacity, device_);
  }

  [[nodiscard]] at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   double scale, LayerCache* cache,
                                   const AttentionNotes& notes) const override {
    const auto [keys, values] = append_to(cache, key, value);
    const std::int64_t rows = query.size(0);
    const std::int64_t total = keys.size(1);
    const at::Tensor q = query.transpose(0, 1).unsqueeze(0);
    const at::Tensor k = keys.unsqueeze(0);
    const at::Tensor v = values.unsqueeze(0);
    for (PairCount& head : notes.pairs) {
      const auto count = static_cast<std::uint64_t>(rows * (total - rows) + rows * (rows + 1) / 2);
      head.exact += count;
      head.causal += count;
    }
    if (rows == total || rows == 1) return attend(q, k, v, {}, rows == total, scale);

    // Later rows of a sequence: the causal mask is not aligned to the first key. In tiles, so that it stays
    // O(n).
    constexpr std::int64_t kTile = 128;
    at::Tensor out = at::empty({rows, shape_.heads * shape_.head_dim}, query.options());
    const at::Tensor positions = at::arange(total, query.options().dtype(at::kLong));
    for (std::int64_t begin = 0; begin < rows; begin += kTile) {
      const std::int64_t count = std::min(kTile, rows - begin);
      const std::int64_t seen = total - rows + begin + count;
      const at::Tensor mask = positions.narrow(0, 0, seen)
                                  .unsqueeze(0)
                                  .le(positions.narrow(0, total - rows + begin, count).unsqueeze(1));
      out.narrow(0, begin, count)
          .copy_(attend(q.narrow(2, begin, count), k.narrow(2, 0, seen), v.narrow(2, 0, seen), mask, false,
                        scale));
    }
    return out;
  }

 private:
  [[nodiscard]] at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const std::optional<at::Tensor>& mask, bool causal, double scale) const {
    // Of CUDA's fused kernels flash attention alone takes grouped heads, and neither float32 nor a mask.
    // Without a fused kernel there would be n² logits.
    const std::int64_t group = shape_.heads / shape_.kv_heads;
    if (q.is_cuda() && q.size(2) == 1 && q.scalar_type() != at::kFloat && shape_.head_dim % 8 == 0 &&
        shape_.head_dim <= 256) {
      // What LibTorch chooses by itself, cuDNN's, is planned anew for every number of keys: 2 ms a layer.
      return joined(std::get<0>(at::_scaled_dot_product_flash_attention(q, k, v, 0.0, false, false, scale)));
    }
    const bool ungroup = group > 1 && q.is_cuda() && (mask || q.scalar_type() == at::kFloat);
    const auto heads = [&](const at::Tensor& x) { return ungroup ? x.repeat_interleave(group, 1) : x; };
    return joined(at::scaled_dot_product_attention(q, heads(k), heads(v), mask, 0.0, causal, scale,
                                                   group > 1 && !ungroup));
  }

  /// Of out [1, heads, N, dim] the heads of a token side by side.
  [[nodiscard]] at::Tensor joined(const at::Tensor& out) const {
    return out.squeeze(0).transpose(0, 1).reshape({out.size(2), shape_.heads * shape_.head_dim});
  }

  AttentionShape shape_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<Attention> make_dense_attention(const AttentionShape& shape, at::Device device) {
  return std::make_unique<DenseAttention>(shape, device);
}

}  // namespace bsbr
