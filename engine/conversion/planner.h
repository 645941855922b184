#pragma once

#include <memory>
#include <optional>

#include "engine/analysis/fidelity.h"
#include "engine/analysis/recall_meter.h"
#include "engine/attention/bsbr_config.h"
#include "engine/conversion/plan_target.h"
#include "engine/conversion/plan_texts.h"
#include "engine/model/language_model.h"

namespace bsbr {

struct Plan {
  BsbrConfig config;                 ///< with the plan of every head
  Fidelity check;                    ///< on the check text
  std::optional<RecallLoss> recall;  ///< on the recall check text, if the original recalls there
  std::int64_t tokens;               ///< of the calibration text that were used
};

/// Finds for every head the threshold above which it reads a block exactly. One dense pass over the
/// calibration text measures what each threshold costs each head, and what its error does to the residual
/// stream; another, if the original can recall, what it does where a passage is read again. A common price of
/// a pair then makes the choice of all heads.
class Planner {
 public:
  /// Whether the calibration text is long enough for something to be far.
  static bool can_plan(const BsbrConfig& base, const PlanTexts& texts);
  /// `base` gives what is not planned. Measures the heads. Throws Error(InvalidArgument) where nothing can be
  /// planned, Error(OutOfMemory | Cancelled).
  Planner(const LanguageModel& original, const BsbrConfig& base, PlanTexts texts, const Job& job = {});
  Planner(Planner&&) noexcept;
  Planner& operator=(Planner&&) noexcept;
  Planner(const Planner&) = delete;
  Planner& operator=(const Planner&) = delete;
  ~Planner();

  /// What near tokens alone make of all pairs of the calibration text: no plan reads less.
  [[nodiscard]] double least_density() const;
  /// A plan for this density on the calibration text, without a check: on other text a little more or less is
  /// read. Takes no time.
  [[nodiscard]] BsbrConfig unchecked(double density) const;
  /// Moves the price until the converted model, run on the check texts, meets the target. Deterministic for
  /// a number of threads. Throws Error(InvalidArgument) for a density that cannot be met, Error(OutOfMemory |
  /// Cancelled).
  [[nodiscard]] Plan make(const PlanTarget& target, const Job& job = {}) const;

 private:
  struct Content;
  std::unique_ptr<const Content> content_;
};

/// Both steps.
Plan make_plan(const LanguageModel& original, const BsbrConfig& base, PlanTexts texts,
               const PlanTarget& target, const Job& job = {});

}  // namespace bsbr
