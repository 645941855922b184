#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "engine/attention/anchors.h"
#include "engine/attention/selection.h"
#include "engine/model/decoder.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// Queries and keys of one layer of one model over the captured text.
class CapturedLayer {
 public:
  CapturedLayer(const Decoder& model, const AttentionInput& input);

  /// Scaled queries [positions, dim] of a head.
  [[nodiscard]] at::Tensor queries(std::int64_t head, std::span<const std::int64_t> positions) const;
  /// [tokens, dim].
  [[nodiscard]] at::Tensor keys(std::int64_t head) const { return keys_[head / group_]; }
  /// Of a converted model: made when first asked for.
  [[nodiscard]] const Selector& selector(std::int64_t head) const;

 private:
  AttentionShape shape_;
  std::optional<BsbrConfig> config_;
  std::int64_t group_;                  // heads that share keys
  at::Tensor queries_, keys_, values_;  // [heads or kv_heads, tokens, dim]
  std::optional<Anchors> anchors_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<const Selector>> selectors_;  // of each kv_head
};

/// What some queries of a head, in one chunk, do with the tokens before them.
struct HeadRows {
  std::span<const std::int64_t> positions;
  at::Tensor original;  ///< [positions, tokens up to the last]: weights of the original
  Selection selection;  ///< of the converted; with its weights, states spread over their keys
  at::Tensor converted;
};

/// Which of the two models' rows are wanted.
enum class Sides { Original, Converted, Both };

/// The residual streams of two models.
class CapturedStreams {
 public:
  CapturedStreams(const LanguageModel& original, const LanguageModel& converted, std::span<const TokenId> ids,
                  const Job& job, std::int64_t most_bytes);
  /// With the streams of `other`'s original, which are shared.
  CapturedStreams(const CapturedStreams& other, const LanguageModel& converted, const Job& job);

  [[nodiscard]] std::int64_t tokens() const { return static_cast<std::int64_t>(ids_.size()); }
  [[nodiscard]] const ModelConfig& model() const { return original_->model.config(); }
  [[nodiscard]] const BsbrConfig& config() const { return *converted_.model.config().bsbr; }
  [[nodiscard]] std::int64_t bytes() const;

  /// Calls `visit` with the rows of `positions`, which rise, chunk by chunk. Throws Error(InvalidArgument)
  /// for a layer, head or position that is not there.
  void visit_rows(std::int64_t layer, std::int64_t head, std::span<const std::int64_t> positions, Sides sides,
                  const Job& job, const std::function<void(const HeadRows&)>& visit) const;

 private:
  struct Side {
    LanguageModel model;
    std::vector<at::Tensor> streams;  // [tokens, width], entering layers 0, stride, 2·stride …
    mutable std::list<std::pair<std::int64_t, std::shared_ptr<const CapturedLayer>>> recent = {};
    mutable std::mutex mutex = {};
  };
  void run(Side& side, const Job& job) const;
  [[nodiscard]] std::shared_ptr<const CapturedLayer> layer(const Side& side, std::int64_t layer,
                                                           const Job& job) const;

  std::vector<TokenId> ids_;
  std::int64_t stride_ = 1;
  std::shared_ptr<Side> original_;
  Side converted_;
};

}  // namespace bsbr
