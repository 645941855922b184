#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/job.h"
#include "engine/base/statistics.h"
#include "engine/model/language_model.h"
#include "engine/model/part_seconds.h"

namespace bsbr {

/// What running a model takes at one length.
struct Cost {
  Spread prefill_ms;  ///< all tokens into an empty cache, and the logits after the last
  Spread decode_ms;   ///< one token more, with the cache, near that length; no runs where none could follow
  PartSeconds prefill_parts, decode_parts;  ///< means of the runs that count
  std::int64_t cache_bytes = 0;             ///< of keys, values and states after that prefill
  /// Most tensor memory at once during a prefill, cache included, weights not.
  std::int64_t peak_bytes = 0;
  double density = 1;  ///< of that prefill
};

struct CostOptions {
  int repetitions = 5;        ///< of each prefill, after one that is not counted
  double most_seconds = 1e9;  ///< of a model's prefills; after so much no further one begins, but one counts
  std::int64_t decode_tokens = 32;  ///< are decoded singly and timed each
  /// Tokens after the prefill's, to be decoded; empty: the last ones of the prefill's are taken.
  std::span<const TokenId> following = {};
  bool beyond_context = false;  ///< rotary positions may exceed the model's context
};

/// A first prefill that takes longer counts: what warming up saves is lost in it.
inline constexpr double kNoWarmUpMs = 10'000;

/// Whether so many runs that count, in so much time, are as many as were asked for: CostOptions' rule.
inline bool enough_runs(std::size_t runs, double spent_ms, int repetitions, double most_seconds) {
  return runs > 0 && (static_cast<int>(runs) >= repetitions || spent_ms > 1e3 * most_seconds);
}

/// Measures several models on the same tokens, in turn within each repetition, so that a noisy machine is
/// unfair to none. Throws Error(InvalidArgument | OutOfMemory | Cancelled).
std::vector<Cost> measure_cost(std::span<const LanguageModel* const> models, std::span<const TokenId> ids,
                               const CostOptions& options = {}, const Job& job = {});

}  // namespace bsbr
