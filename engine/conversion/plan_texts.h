#pragma once

#include <vector>

#include "engine/analysis/recall_text.h"

namespace bsbr {

/// What a plan is made from, and what it is checked on.
struct PlanTexts {
  std::vector<TokenId> calibration, check;
  RecallText recall, recall_check;  ///< without passages: recall plays no part
};

/// With texts for recall as long as the calibration text, of its own words, in whole chunks. Deterministic.
PlanTexts plan_texts(const Tokenizer& tokenizer, std::vector<TokenId> calibration, std::vector<TokenId> check,
                     std::int64_t chunk_size);

}  // namespace bsbr
