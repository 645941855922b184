#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/job.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// What a model makes of tokens that it is to predict: the loss of each in nats, and whether (1 or 0) it is
/// ranked first.
struct Answers {
  std::vector<double> losses, right;
};

/// Of the tokens at these positions of a text, each above 0. Throws Error(InvalidArgument | OutOfMemory |
/// Cancelled).
Answers ask(const LanguageModel& model, const std::vector<TokenId>& ids,
            const std::vector<std::int64_t>& positions, const Job& job = {});

}  // namespace bsbr
