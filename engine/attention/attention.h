#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/attention/bsbr_config.h"

namespace bsbr {

struct AttentionShape {
  std::int64_t heads;
  std::int64_t kv_heads;  ///< divides heads; each key and value head serves heads / kv_heads query heads
  std::int64_t head_dim;
  /// Of rotary keys: by how many radians a position turns the elements (i, i + head_dim / 2), i < head_dim
  /// / 2.
  std::vector<float> rope_frequencies = {};
};

/// (query, key) pairs of a head: attended exactly, and all that a causal model has. Their ratio is density.
struct PairCount {
  std::uint64_t exact = 0;
  std::uint64_t causal = 0;
};

/// Of all of them together.
inline double density_of(std::span<const PairCount> pairs) {
  PairCount sum;
  for (const PairCount& pair : pairs) {
    sum.exact += pair.exact;
    sum.causal += pair.causal;
  }
  return sum.causal == 0 ? 1.0 : static_cast<double>(sum.exact) / static_cast<double>(sum.causal);
}

/// Where a call of an attention notes what it did, by adding to it.
struct AttentionNotes {
  std::span<PairCount> pairs = {};  ///< one a head, or empty
  /// Taken to choose what is read exactly, the weighing of states included; or nullptr.
  double* scoring_seconds = nullptr;
  /// Taken by the pairs that are read exactly, where the kernel tells; or nullptr.
  double* exact_seconds = nullptr;
};

/// Keys and values (and what an attention derives from them) of one sequence in one layer.
class LayerCache {
 public:
  LayerCache() = default;
  LayerCache(const LayerCache&) = delete;
  LayerCache& operator=(const LayerCache&) = delete;
  virtual ~LayerCache() = default;
  /// Tokens that are in it.
  [[nodiscard]] virtual std::int64_t tokens() const = 0;
  /// Memory that its tokens take.
  [[nodiscard]] virtual std::int64_t bytes() const = 0;
};

/// One way to evaluate causal attention. Stateless and thread-safe; all state of a sequence is in its
/// LayerCache.
class Attention {
 public:
  Attention() = default;
  Attention(const Attention&) = delete;
  Attention& operator=(const Attention&) = delete;
  virtual ~Attention() = default;

  /// An empty cache for at most `capacity` tokens.
  [[nodiscard]] virtual std::unique_ptr<LayerCache> make_cache(std::int64_t capacity) const = 0;

  /// Appends N tokens to the cache and attends from each of them to all before it and itself.
  /// query [N, heads, dim], key and value [N, kv_heads, dim], any strides with contiguous dim, float32,
  /// float16 or bfloat16; `scale` multiplies q·k. Returns [N, heads · dim]. `cache` may be nullptr: then the
  /// N tokens are the whole sequence.
  [[nodiscard]] virtual at::Tensor forward(const at::Tensor& query, const at::Tensor& key,
                                           const at::Tensor& value, double scale, LayerCache* cache,
                                           const AttentionNotes& notes) const = 0;
};

/// Exact attention through LibTorch's fused kernels.
std::unique_ptr<Attention> make_dense_attention(const AttentionShape& shape, at::Device device);

/// Block-sparse attention with block retrieval of a layer: the vectorised kernel on the CPU, kernels of our
/// own on CUDA (make_bsbr_cuda), make_bsbr_reference elsewhere. The first `dense_until` positions, in whole
/// chunks, attend to everything before them: on the CPU, and unless far keys are given back. Throws
/// Error(Device) if the kernels are missing.
std::unique_ptr<Attention> make_bsbr_attention(const AttentionShape& shape, const BsbrConfig& config,
                                               at::Device device, std::int64_t layer = 0,
                                               std::int64_t dense_until = 0);

/// The same, written plainly over tensor operations on any device: dense work, sparse result, O(n) memory.
/// It is what the kernels are tested against.
std::unique_ptr<Attention> make_bsbr_reference(const AttentionShape& shape, const BsbrConfig& config,
                                               at::Device device, std::int64_t layer = 0);

}  // namespace bsbr
