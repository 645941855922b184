#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/analysis/cost.h"
#include "engine/analysis/fidelity.h"

namespace bsbr {

/// A converted model beside its original, on one text.
struct Comparison {
  Fidelity fidelity;
  Cost original;
  Cost converted;

  /// tokens, perplexity_ratio, kl, top1_agreement, density, original and converted {perplexity, prefill_ms,
  /// decode_ms_per_token, cache_bytes, peak_bytes}, positions [{from, to, original, converted}].
  [[nodiscard]] nlohmann::json to_json() const;
};

/// Throws as measure_fidelity and measure_cost do.
Comparison compare(const LanguageModel& original, const LanguageModel& converted,
                   std::span<const TokenId> ids, const Job& job = {});

}  // namespace bsbr
