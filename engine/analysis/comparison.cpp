#include "engine/analysis/comparison.h"

#include <array>
#include <nlohmann/json.hpp>

namespace bsbr {
namespace {

nlohmann::json model_json(double perplexity, const Cost& cost) {
  return {{"perplexity", perplexity},
          {"prefill_ms", cost.prefill_ms.median},
          {"decode_ms_per_token", cost.decode_ms.median},
          {"cache_bytes", cost.cache_bytes},
          {"peak_bytes", cost.peak_bytes}};
}

}  // namespace

nlohmann::json Comparison::to_json() const {
  nlohmann::json positions = nlohmann::json::array();
  for (const PositionRange& range : fidelity.positions) {
    positions.push_back({{"from", range.from},
                         {"to", range.to},
                         {"original", range.original},
                         {"converted", range.converted}});
  }
  return {{"tokens", fidelity.tokens},
          {"perplexity_ratio", fidelity.perplexity_ratio()},
          {"kl", fidelity.kl},
          {"top1_agreement", fidelity.top1_agreement},
          {"density", fidelity.density},
          {"original", model_json(fidelity.original_perplexity, original)},
          {"converted", model_json(fidelity.converted_perplexity, converted)},
          {"positions", std::move(positions)}};
}

Comparison compare(const LanguageModel& original, const LanguageModel& converted,
                   std::span<const TokenId> ids, const Job& job) {
  Comparison result{measure_fidelity(original, converted, ids, job), {}, {}};
  const std::array<const LanguageModel*, 2> models{&original, &converted};
  const std::vector<Cost> costs = measure_cost(models, ids, {}, job);
  result.original = costs[0];
  result.converted = costs[1];
  return result;
}

}  // namespace bsbr
