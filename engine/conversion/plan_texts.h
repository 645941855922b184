#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/analysis/recall_text.h"

namespace bsbr {

/// What a plan is made from, and what it is checked on.
struct PlanTexts {
  std::vector<TokenId> calibration, check;
  RecallText recall, recall_check;  ///< without passages: recall plays no part
};

/// The text to plan from and the one to check on, from one text: its first `most` tokens, two thirds of it at
/// most, and up to so many of what follows, after `beginning`, which stands before every text.
/// Throws Error(InvalidArgument) that begins with `source` for a text that is too short.
std::pair<std::vector<TokenId>, std::vector<TokenId>> split_text(std::vector<TokenId> text, std::int64_t most,
                                                                 std::optional<TokenId> beginning,
                                                                 const std::string& source);

/// With texts for recall as long as the calibration text, of its own words, in whole chunks. Deterministic.
PlanTexts plan_texts(const Tokenizer& tokenizer, std::vector<TokenId> calibration, std::vector<TokenId> check,
                     std::int64_t chunk_size);

}  // namespace bsbr
