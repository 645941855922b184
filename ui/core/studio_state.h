#pragma once

#include <QString>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/analysis/cost_model.h"
#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/conversion/planner.h"
#include "engine/model/language_model.h"
#include "engine/model/summary.h"
#include "engine/tokenizer/tokenizer.h"
#include "ui/core/conversion_settings.h"

namespace bsbr {

/// An opened checkpoint.
struct OpenedModel {
  Checkpoint checkpoint;
  CheckpointSummary summary;
  Tokenizer tokenizer;
  LanguageModel original;  ///< with dense attention
  Ceilings ceilings;       ///< of this machine with this model's shapes

  [[nodiscard]] const ModelConfig& config() const { return original.config(); }
};

/// Its conversion.
struct ConvertedModel {
  LanguageModel model;
  ConversionSettings settings;  ///< that made it
  std::optional<Plan> plan;     ///< where one was made here
};

/// A text and its tokens.
struct TokenizedText {
  QString text;
  std::vector<TokenId> ids;
  /// Each token for showing: its characters, a replacement sign where it holds half a character.
  std::vector<QString> pieces;
};

/// What is looked at; the tabs keep to it.
struct Chosen {
  int layer = 0;
  int head = 0;
  std::optional<std::int64_t> query;  ///< a token's position

  bool operator==(const Chosen&) const = default;
};

/// For a person: what went wrong, and where and what to do about it.
struct Problem {
  QString title;
  QString detail;
  ErrorKind kind = ErrorKind::Internal;
};

}  // namespace bsbr
