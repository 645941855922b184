#pragma once

#include <optional>
#include <span>

#include "engine/analysis/fidelity.h"
#include "engine/attention/bsbr_config.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// What a plan is to reach on text that it was not made from; exactly one of the two.
struct PlanTarget {
  std::optional<double> density;  ///< exact pairs / causal pairs, at most
  std::optional<double> kl;       ///< mean KL(original ‖ converted), nats, at most; then the least density
};

struct Plan {
  BsbrConfig config;    ///< with the plan of every head
  Fidelity check;       ///< on the check text
  std::int64_t tokens;  ///< of the calibration text that were used
};

/// Finds for every head the threshold above which it reads a block exactly. One dense pass over `calibration`
/// measures what each threshold costs each head, and what its error does to the residual stream; a common
/// price of a pair then makes the choice of all heads, and is moved until the converted model, run on
/// `check`, meets the target. `base` gives what is not planned. Deterministic for a number of threads.
/// Throws Error(InvalidArgument) for a target that cannot be met and texts in which nothing is far,
/// Error(OutOfMemory | Cancelled).
Plan make_plan(const LanguageModel& original, const BsbrConfig& base, std::span<const TokenId> calibration,
               std::span<const TokenId> check, const PlanTarget& target, const Job& job = {});

}  // namespace bsbr
