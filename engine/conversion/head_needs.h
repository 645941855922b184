#pragma once

#include <span>
#include <vector>

#include "engine/analysis/recall_text.h"
#include "engine/base/job.h"
#include "engine/conversion/head_options.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// What every head of a model would read and lose with each of its options, and the choice among them.
class HeadNeeds {
 public:
  /// Measured in one dense pass over `text`, whole chunks, and one over `recall`, if it has passages: there
  /// at the second readings. Throws Error(OutOfMemory | Cancelled).
  HeadNeeds(const LanguageModel& original, const BsbrConfig& base, std::span<const TokenId> text,
            const RecallText& recall, const Job& job);

  /// A plan under which the heads together read this share of all pairs of `text`, or nearly; above 0. An
  /// error counts in recall `recall_weight` times what it does in text.
  [[nodiscard]] BsbrConfig at_density(double density, double recall_weight) const;
  /// What near tokens alone make of all pairs of the text.
  [[nodiscard]] double least_density() const;
  /// The plan that reads next to nothing, and the one that reads everything.
  [[nodiscard]] BsbrConfig sparsest() const;
  [[nodiscard]] BsbrConfig densest() const;

 private:
  struct Choice;
  [[nodiscard]] Choice choose(double price, double recall_weight) const;
  [[nodiscard]] BsbrConfig plan_of(const Choice& choice) const;

  BsbrConfig base_;
  std::int64_t context_, heads_;                   // heads of a layer
  double causal_;                                  // pairs of a query, mean over the text
  std::vector<std::vector<HeadOption>> in_text_;   // [layers · heads][options]
  std::vector<std::vector<double>> recall_error_;  // the same; empty where recall plays no part
};

}  // namespace bsbr
