#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/analysis/estimate.h"
#include "engine/base/job.h"
#include "engine/model/language_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// How well a passage of random words is predicted when it is read again. Losses are nats a token.
struct RepetitionRecall {
  std::int64_t distance;              ///< tokens from a word to its second reading
  Estimate first;                     ///< loss of the original, first reading
  Estimate original;                  ///< loss of the original, second reading
  std::optional<Estimate> converted;  ///< loss of the converted, second reading
  std::optional<Estimate> extra;      ///< converted minus original

  /// Whether the second reading costs the original less than half the first. What it cannot do itself says
  /// nothing about the converted model, which is then not run.
  [[nodiscard]] bool solved() const { return original.mean < 0.5 * first.mean; }
};

/// How often the value that belongs to a key is found in a list of random words, "key: value" a line.
struct LookupRecall {
  std::int64_t tokens;                ///< of the list and what is asked for after it
  std::int64_t entries;               ///< of the list, mean
  Estimate original;                  ///< share of values whose first token the original ranks first
  std::optional<Estimate> converted;  ///< the same

  /// Whether the original finds at least half; else the converted model is not run.
  [[nodiscard]] bool solved() const { return original.mean >= 0.5; }
};

struct Recall {
  int trials;
  std::vector<RepetitionRecall> repetition;
  std::vector<LookupRecall> lookup;

  /// trials; repetition [{distance, solved, first_loss, original_loss, converted_loss, extra_loss}] and
  /// lookup
  /// [{tokens, entries, questions, solved, original, converted}]: {mean, margin} each, null where not solved.
  [[nodiscard]] nlohmann::json to_json() const;
};

struct RecallOptions {
  std::int64_t longest;  ///< tokens that a trial may take
  int trials = 5;        ///< of each distance and list; the margins are over them
};

/// Entries that are asked for after a list.
inline constexpr int kLookupQuestions = 8;

/// Passages at distances, and lists of lengths, from 256 tokens on and doubling as long as they fit and the
/// text has words enough. Words come from `text`, and so does what stands between: `ids` are its tokens.
/// Deterministic. Throws Error(InvalidArgument | OutOfMemory | Cancelled).
Recall measure_recall(const LanguageModel& original, const LanguageModel& converted,
                      const Tokenizer& tokenizer, const std::string& text, std::span<const TokenId> ids,
                      const RecallOptions& options, const Job& job = {});

}  // namespace bsbr
