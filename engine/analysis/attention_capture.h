#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/base/job.h"
#include "engine/model/language_model.h"

namespace bsbr {

class CapturedStreams;

/// One text read by a model and by its conversion, so that their attention can be looked at, head by head.
/// Kept are only the residual streams as they enter the layers, O(tokens · width) each; queries, keys and all
/// that follows are made again when a layer is looked at, and held for the last few. Each model's attention
/// is its own: the converted model's queries and keys come from its own stream, which differs from the
/// original's after the first layer. Cheap to copy, thread-safe.
class AttentionCapture {
 public:
  /// Runs both. `converted` must have BSBR attention. Of each model's streams at most `most_bytes` are kept
  /// (but those that enter the first layer): then those of every second, third … layer, and the layers
  /// between are run again when they are looked at. Throws Error(InvalidArgument | OutOfMemory | Cancelled).
  AttentionCapture(const LanguageModel& original, const LanguageModel& converted,
                   std::span<const TokenId> ids, const Job& job = {},
                   std::int64_t most_bytes = std::int64_t{640} << 20);

  /// The same text and original with another conversion of it: only that is run.
  [[nodiscard]] AttentionCapture with_conversion(const LanguageModel& converted, const Job& job = {}) const;

  [[nodiscard]] std::int64_t tokens() const;
  [[nodiscard]] std::int64_t layers() const;
  [[nodiscard]] std::int64_t heads() const;
  /// Of the conversion.
  [[nodiscard]] const BsbrConfig& config() const;
  [[nodiscard]] HeadPlan plan(std::int64_t layer, std::int64_t head) const;
  /// Memory of the streams that are kept.
  [[nodiscard]] std::int64_t bytes() const;

  /// For the engine's own parts, which work on tensors.
  [[nodiscard]] const CapturedStreams& streams() const { return *streams_; }

 private:
  explicit AttentionCapture(std::shared_ptr<const CapturedStreams> streams) : streams_(std::move(streams)) {}

  std::shared_ptr<const CapturedStreams> streams_;
};

}  // namespace bsbr
