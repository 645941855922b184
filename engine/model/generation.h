#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/base/job.h"
#include "engine/model/language_model.h"
#include "engine/model/sampler.h"

namespace bsbr {

struct GenerationOptions {
  std::int64_t tokens = 50;  ///< at most so many new tokens a prompt
  SamplingOptions sampling;
  std::vector<TokenId> stops;  ///< each ends a row; it is not part of the result
};

/// Called with each new token as it comes: the prompt's number and the token. Return false to end all rows.
using TokenSink = std::function<bool(std::size_t row, TokenId token)>;

/// Continues several prompts at once with a cache; each row is what it would be alone (row r samples with
/// seed + r). Returns the new tokens of each row. Throws Error(InvalidArgument) for an empty prompt, and for
/// prompts that leave no room in the model's context; rows that fill the context end there.
std::vector<std::vector<TokenId>> generate(const LanguageModel& model,
                                           const std::vector<std::vector<TokenId>>& prompts,
                                           const GenerationOptions& options, const TokenSink& on_token = {},
                                           const Job& job = {});

}  // namespace bsbr
