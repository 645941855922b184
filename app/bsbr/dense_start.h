#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/bsbr/options.h"
#include "app/bsbr/terminal.h"
#include "engine/model/language_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr::cli {

/// Up to where each layer of a conversion attends densely.
struct DenseStart {
  std::optional<std::int64_t> tokens;  ///< of every layer; else what is faster on this machine

  /// Adds --dense-until.
  void add_to(const Command& command);
  /// Of each layer of a converted model; none for another one. `text` is measured on, where this machine does
  /// not remember the model; shows progress.
  [[nodiscard]] std::vector<std::int64_t> of(Terminal& terminal, const LanguageModel& model,
                                             const std::vector<TokenId>& text) const;
  /// The same on the bundled sample.
  [[nodiscard]] std::vector<std::int64_t> of(Terminal& terminal, const LanguageModel& model,
                                             const Tokenizer& tokenizer) const;
};

/// Measures a new conversion on the bundled sample, so that its first use need not wait for that.
void remember_dense_start(Terminal& terminal, const LanguageModel& model, const Tokenizer& tokenizer);

}  // namespace bsbr::cli
