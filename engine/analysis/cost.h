#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/job.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// What running a model takes at one length. Times are medians.
struct Cost {
  double prefill_ms;           ///< all tokens into an empty cache, and the logits after the last
  double decode_ms_per_token;  ///< one token more, with the cache, near that length; 0 where no token could
                               ///< follow
  std::int64_t cache_bytes;    ///< of keys, values and states after that prefill
  std::int64_t peak_bytes;     ///< most tensor memory at once during a prefill, cache included, weights not
};

struct CostOptions {
  int repetitions = 5;              ///< of each prefill, after one that is not counted
  std::int64_t decode_tokens = 32;  ///< of the given tokens, the last ones, are decoded singly and timed each
};

/// Measures several models on the same tokens, in turn within each repetition, so that a noisy machine is
/// unfair to none. Throws Error(InvalidArgument | OutOfMemory | Cancelled).
std::vector<Cost> measure_cost(std::span<const LanguageModel* const> models, std::span<const TokenId> ids,
                               const CostOptions& options = {}, const Job& job = {});

}  // namespace bsbr
