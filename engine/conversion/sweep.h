#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/conversion/planner.h"

namespace bsbr {

/// What is varied: one budget for all heads, a plan's density, or how small states are that stand alone for
/// the far past.
enum class SweepKind { Uniform, Planned, StatesOnly };

/// A converted model, and what it keeps of its original.
struct SweepPoint {
  SweepKind kind;
  double setting;  ///< retrieved tokens, planned density, compression factor
  BsbrConfig config;
  Fidelity fidelity;
  std::int64_t cache_bytes;  ///< of keys, values and states after the text

  /// "uniform, 512 tokens", "planned, 20 %", "states only, 1/4".
  [[nodiscard]] std::string name() const;
  /// kind, setting, name, density, kl, perplexity_ratio, top1_agreement, cache_bytes.
  [[nodiscard]] nlohmann::json to_json() const;
};

struct Sweep {
  std::int64_t tokens;
  double original_perplexity;
  std::int64_t original_cache_bytes;
  std::vector<SweepPoint> points;

  /// For each point whether no other is as good in density, KL and cache memory and better in one of them.
  [[nodiscard]] std::vector<bool> pareto() const;
  /// tokens, original {perplexity, cache_bytes}, points [as SweepPoint::to_json, and pareto].
  [[nodiscard]] nlohmann::json to_json() const;
};

/// The settings to try; those that the model or the text does not allow, and those that come to the same as
/// one before, are left out.
struct SweepOptions {
  std::vector<std::int64_t> budgets{0, 64, 128, 256, 512, 1024};
  std::vector<double> densities{0.05, 0.075, 0.1, 0.15, 0.2, 0.3};
  std::vector<std::int64_t> factors{2, 4, 8, 16};
  std::int64_t from = 1;  ///< predictions of the tokens at these positions on count
};

/// Converts the original in each of these ways and holds it against the original on `ids`. The heads are
/// measured once, for all densities. `base` gives what is not varied; `texts` is what plans are made from,
/// its check texts are not run. `on_point` gets each point as it is there. Throws Error(InvalidArgument |
/// OutOfMemory | Cancelled).
Sweep sweep(const LanguageModel& original, const BsbrConfig& base, PlanTexts texts,
            std::span<const TokenId> ids, const SweepOptions& options = {},
            const std::function<void(const SweepPoint&)>& on_point = {}, const Job& job = {});

}  // namespace bsbr
