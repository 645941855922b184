#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <vector>

#include "engine/analysis/estimate.h"
#include "engine/analysis/fidelity.h"

namespace bsbr {

/// Perplexity on the tokens at positions [from, to) of each passage.
struct RangeEstimate {
  std::int64_t from;
  std::int64_t to;
  Estimate original;
  Estimate converted;
  Estimate ratio;
};

/// Mean over the heads of a layer.
struct LayerFidelity {
  std::int64_t layer;
  double density;
  double error;
  double lost_mass;
};

/// What Fidelity says, over several passages of one length.
struct LengthFidelity {
  std::int64_t tokens;
  std::int64_t passages;
  Estimate original_perplexity;
  Estimate converted_perplexity;
  Estimate perplexity_ratio;
  Estimate kl;
  Estimate top1_agreement;
  Estimate density;
  std::vector<RangeEstimate> positions;
  std::vector<HeadFidelity> heads;  ///< means over the passages, layer by layer

  [[nodiscard]] std::vector<LayerFidelity> layers() const;
  /// tokens, passages; perplexity_ratio, kl, top1_agreement, density, original_perplexity and
  /// converted_perplexity {mean, margin}; positions [{from, to, original, converted, ratio}]; layers [{layer,
  /// density, error, lost_mass}]; heads [the same, and head].
  [[nodiscard]] nlohmann::json to_json() const;
};

struct PassageOptions {
  std::int64_t passages = 3;  ///< of each length, one after the other; as many as the text has
  std::int64_t from = 1;      ///< predictions of the tokens at these positions of a passage on count
  std::optional<TokenId> beginning = {};  ///< stands before every passage; `ids` begin with it
};

/// For each length, in tokens. `ids`: the text, at least as long as the longest. Throws
/// Error(InvalidArgument | OutOfMemory | Cancelled), also for a model that is not converted.
std::vector<LengthFidelity> measure_lengths(const LanguageModel& original, const LanguageModel& converted,
                                            std::span<const TokenId> ids,
                                            std::span<const std::int64_t> lengths,
                                            const PassageOptions& options = {}, const Job& job = {});

}  // namespace bsbr
