#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/attention/attention.h"
#include "engine/base/job.h"
#include "engine/model/decoder_weights.h"
#include "engine/model/model_config.h"
#include "engine/model/part_seconds.h"
#include "engine/model/rope.h"

namespace bsbr {

/// The caches of one sequence, one a layer.
struct Sequence {
  std::vector<std::unique_ptr<LayerCache>> layers;
  std::int64_t tokens = 0;

  /// Memory of all its caches.
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const auto& layer : layers) sum += layer->bytes();
    return sum;
  }
};

/// Rows of tokens without their padding, one after the other.
struct PackedTokens {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> lengths;  ///< of each row; their sum is ids.size()
};

/// What a layer's attention gets.
struct AttentionInput {
  std::int64_t layer;
  at::Tensor residual;           ///< [tokens, width], as it enters the layer
  at::Tensor query, key, value;  ///< [tokens, heads or kv_heads, head_dim], rotated
  double scale;                  ///< of q·k
};

/// A decoder-only transformer: its weights and how it attends. Immutable and thread-safe; enter
/// c10::InferenceMode.
class Decoder {
 public:
  /// `dense_until`, of each layer: as make_bsbr_attention takes it; empty: 0.
  Decoder(ModelConfig config, std::shared_ptr<const DecoderWeights> weights,
          const std::optional<BsbrConfig>& bsbr, std::span<const std::int64_t> dense_until = {});

  /// The same weights with another attention.
  [[nodiscard]] Decoder with_attention(const std::optional<BsbrConfig>& bsbr,
                                       std::span<const std::int64_t> dense_until = {}) const {
    return {config_, weights_, bsbr, dense_until};
  }

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] const AttentionShape& attention_shape() const { return shape_; }
  [[nodiscard]] const DecoderWeights& weights() const { return *weights_; }
  [[nodiscard]] at::Device device() const { return weights_->token_embedding.device(); }
  [[nodiscard]] at::ScalarType dtype() const { return weights_->token_embedding.scalar_type(); }

  /// Empty caches for up to `capacity` tokens.
  [[nodiscard]] Sequence make_sequence(std::int64_t capacity) const;

  struct Options {
    /// One for each row, continued by it; empty: every row is a whole sequence.
    std::span<Sequence* const> sequences;
    /// Called with the residual stream [tokens, width]: 0 after the embedding, i after layer i; the last is
    /// normed.
    std::function<void(std::int64_t, const at::Tensor&)> on_hidden;
    /// What each layer attends with, before it does: for a look inside. Rows of all sequences, one after the
    /// other; only for whole sequences.
    std::function<void(const AttentionInput&)> on_attention;
    /// The same after it has, with what came of it: [tokens, heads · head_dim].
    std::function<void(const AttentionInput&, const at::Tensor&)> on_attended;
    /// Counts of each layer and head, [layers · heads], are added here; empty: made.
    std::vector<PairCount>* pairs = nullptr;
    /// The times of its parts are added here; a GPU is waited for after each.
    PartSeconds* seconds = nullptr;
    /// Rotary positions go on after the context's end, where the model was not trained: for timing.
    bool beyond_context = false;
    Job job;
  };
  /// Returns the normed residual stream [tokens, width] of all rows. Throws Error(InvalidArgument) for ids
  /// outside the vocabulary and sequences longer than the context; nothing has been appended then. Throws
  /// Error(OutOfMemory) that says what would fit; the sequences are of no more use then.
  [[nodiscard]] at::Tensor forward(const PackedTokens& tokens, const Options& options) const;

  /// Logits [rows, vocabulary], float32, of normed rows [rows, width].
  [[nodiscard]] at::Tensor head(const at::Tensor& hidden) const;

  /// What a layer attends with, of the residual stream [tokens, width] of one whole sequence as it enters the
  /// layer (Options::on_hidden).
  [[nodiscard]] AttentionInput attention_input(std::int64_t layer, const at::Tensor& residual) const;
  /// The stream as it leaves the layer.
  [[nodiscard]] at::Tensor after_layer(std::int64_t layer, const at::Tensor& residual) const;

  /// How a layer attends.
  [[nodiscard]] const Attention& attention(std::int64_t layer) const {
    return *attention_[static_cast<std::size_t>(layer)];
  }

 private:
  void check(const PackedTokens& tokens, const Options& options) const;
  /// Of the first positions.
  [[nodiscard]] Rope::Turn turn_of(std::int64_t tokens) const;
  /// Adds to the stream x what a layer makes of it.
  void run_layer(std::int64_t layer, at::Tensor& x, const Rope::Turn& turn, const PackedTokens& tokens,
                 const Options& options) const;
  /// Queries, keys and values [tokens, heads, head_dim], positioned, of the stream before a layer.
  [[nodiscard]] std::array<at::Tensor, 3> project(const DecoderLayer& layer, const at::Tensor& x,
                                                  const Rope::Turn& turn) const;
  /// The same of so few rows that they go together.
  [[nodiscard]] std::array<at::Tensor, 3> project_rows(const DecoderLayer& layer, const at::Tensor& x,
                                                       const Rope::Turn& turn) const;
  [[nodiscard]] at::Tensor run(const PackedTokens& tokens, const Options& options) const;
  /// What the heads make of it, [tokens, heads · head_dim].
  [[nodiscard]] at::Tensor attend(std::int64_t layer, const at::Tensor& x, const Rope::Turn& turn,
                                  const PackedTokens& tokens, const Options& options) const;
  [[nodiscard]] at::Tensor mlp(const DecoderLayer& layer, const at::Tensor& normed) const;

  ModelConfig config_;
  std::shared_ptr<const DecoderWeights> weights_;
  AttentionShape shape_;
  std::vector<std::shared_ptr<const Attention>> attention_;  // of each layer
  std::optional<Rope> rope_;
};

}  // namespace bsbr
