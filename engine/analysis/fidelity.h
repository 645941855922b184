#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/job.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// Perplexity of both models on the tokens at positions [from, to) of a text.
struct PositionRange {
  std::int64_t from;
  std::int64_t to;
  double original;
  double converted;
};

/// How well a converted model predicts what the original predicts, over one text. Every position but the
/// first is predicted once.
struct Fidelity {
  std::int64_t tokens;
  double original_perplexity;
  double converted_perplexity;
  double kl;              ///< mean of KL(original ‖ converted) of the next-token distributions, nats
  double top1_agreement;  ///< share of positions where both rank the same token first
  double density;         ///< exact (query, key) pairs of the converted model / all causal pairs
  std::vector<PositionRange> positions;  ///< ranges that double: [1, 64), [64, 128), [128, 256) …

  [[nodiscard]] double perplexity_ratio() const { return converted_perplexity / original_perplexity; }
};

/// Runs both models over `ids` (2 tokens to the context). Logits are made in pieces, so memory stays O(n).
/// Throws Error(InvalidArgument | OutOfMemory | Cancelled).
Fidelity measure_fidelity(const LanguageModel& original, const LanguageModel& converted,
                          std::span<const TokenId> ids, const Job& job = {});

}  // namespace bsbr
