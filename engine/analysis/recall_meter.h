#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "engine/analysis/recall_text.h"
#include "engine/base/job.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// What a converted model loses of what it read before: loss of second readings, nats a token.
struct RecallLoss {
  struct AtDistance {
    std::int64_t distance;
    double original;
    double extra;  ///< converted minus original
  };
  std::int64_t passages;
  std::vector<AtDistance> distances;  ///< only those over which the original recalls

  /// The largest extra loss.
  [[nodiscard]] double worst() const;
  /// passages, distances [{distance, original_loss, extra_loss}].
  [[nodiscard]] nlohmann::json to_json() const;
};

/// Holds converted models against the original's recall of one text. The original runs once, when the meter
/// is made.
class RecallMeter {
 public:
  /// Throws Error(InvalidArgument | OutOfMemory | Cancelled), as measure() does.
  RecallMeter(const LanguageModel& original, RecallText text, const Job& job = {});

  /// Whether there is a distance over which the original recalls: second readings cost it less than half of
  /// what first ones do.
  [[nodiscard]] bool solved() const { return !passages_.empty(); }
  [[nodiscard]] RecallLoss measure(const LanguageModel& converted, const Job& job = {}) const;

 private:
  std::vector<TokenId> ids_;
  std::vector<RecallText::Passage> passages_;  // that the original recalls
  std::vector<double> losses_;                 // of the original, of all their second readings
};

}  // namespace bsbr
