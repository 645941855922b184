#include "engine/analysis/recall.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/analysis/answers.h"
#include "engine/analysis/recall_text.h"

namespace bsbr {
namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t limit) {
  return static_cast<std::size_t>(random() % limit);
}

/// Tokens, and the positions of those whose prediction counts.
struct Trial {
  std::vector<TokenId> ids;
  std::vector<std::int64_t> wanted;
};

void append(std::vector<TokenId>& to, std::span<const TokenId> ids) {
  to.insert(to.end(), ids.begin(), ids.end());
}

double mean(std::span<const double> values) {
  return estimate(values).mean;
}

/// All but the first token of each reading are wanted: that one cannot be known.
Trial trial_of(RecallText text) {
  Trial trial{std::move(text.ids), {}};
  for (const std::int64_t reading : {text.passages.front().first, text.passages.front().second})
    for (std::int64_t i = 1; i < kRecallPassage; ++i) trial.wanted.push_back(reading + i);
  return trial;
}

RepetitionRecall measure_repetition(const LanguageModel& original, const LanguageModel& converted,
                                    const std::vector<Trial>& trials, std::int64_t distance, const Job& job) {
  std::vector<double> first, second, again, extra;
  const auto name = [&](std::size_t i) {
    return job.stage(cat("recall over ", distance, " tokens, trial ", i + 1, " of ", trials.size()));
  };
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::vector<double> losses = ask(original, trials[i].ids, trials[i].wanted, name(i)).losses;
    first.push_back(mean(std::span(losses).first(kRecallPassage - 1)));
    second.push_back(mean(std::span(losses).subspan(kRecallPassage - 1)));
  }
  RepetitionRecall result{distance, estimate(first), estimate(second), {}, {}};
  if (!result.solved()) return result;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::vector<double> losses = ask(converted, trials[i].ids, trials[i].wanted, name(i)).losses;
    again.push_back(mean(std::span(losses).subspan(kRecallPassage - 1)));
    extra.push_back(again.back() - second[i]);
  }
  result.converted = estimate(again);
  result.extra = estimate(extra);
  return result;
}

/// A list of at most so many tokens, questions included, and how many entries it has; nothing if there are
/// too few words. `words` are put in another order.
std::optional<std::pair<Trial, std::int64_t>> lookup_trial(const Tokenizer& tokenizer,
                                                           std::vector<std::string>& words,
                                                           std::int64_t tokens, Random& random) {
  struct Entry {
    std::vector<TokenId> key, value;
  };
  const std::vector<TokenId> end = tokenizer.encode("\n");
  std::vector<Entry> entries;
  Trial trial;
  const auto write = [&](const Entry& entry) {
    append(trial.ids, entry.key);
    append(trial.ids, entry.value);
    append(trial.ids, end);
  };
  if (const auto beginning = tokenizer.beginning_token()) trial.ids.push_back(*beginning);
  std::size_t longest = 0;
  for (std::size_t used = 0;; ++used) {
    if (used == words.size()) return std::nullopt;
    std::swap(words[used], words[used + below(random, words.size() - used)]);
    const std::string& value = words[below(random, words.size())];
    Entry entry{tokenizer.encode(words[used] + ":"), tokenizer.encode(" " + value)};
    longest = std::max(longest, entry.key.size() + entry.value.size() + end.size());
    if (trial.ids.size() + longest * (kLookupQuestions + 1) > static_cast<std::size_t>(tokens)) break;
    write(entry);
    entries.push_back(std::move(entry));
  }
  const auto count = static_cast<std::int64_t>(entries.size());
  if (count < kLookupQuestions) return std::nullopt;
  for (std::size_t i = 0; i < kLookupQuestions; ++i) {
    std::swap(entries[i], entries[i + below(random, entries.size() - i)]);
    trial.wanted.push_back(static_cast<std::int64_t>(trial.ids.size() + entries[i].key.size()));
    write(entries[i]);
  }
  return std::pair{std::move(trial), count};
}

LookupRecall measure_lookup(const LanguageModel& original, const LanguageModel& converted,
                            const std::vector<Trial>& trials, std::int64_t tokens, std::int64_t entries,
                            const Job& job) {
  const auto shares = [&](const LanguageModel& model) {
    std::vector<double> right;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      const Job part =
          job.stage(cat("recall from lists of ", tokens, " tokens, trial ", i + 1, " of ", trials.size()));
      right.push_back(mean(ask(model, trials[i].ids, trials[i].wanted, part).right));
    }
    return estimate(right);
  };
  LookupRecall result{tokens, entries, shares(original), {}};
  if (result.solved()) result.converted = shares(converted);
  return result;
}

nlohmann::json json_of(const std::optional<Estimate>& value) {
  return value ? value->to_json() : nlohmann::json();
}

}  // namespace

Recall measure_recall(const LanguageModel& original, const LanguageModel& converted,
                      const Tokenizer& tokenizer, const std::string& text, std::span<const TokenId> ids,
                      const RecallOptions& options, const Job& job) {
  if (options.trials < 1)
    throw Error(ErrorKind::InvalidArgument, cat("trials are ", options.trials, "; legal: 1 or more"));
  Recall recall{options.trials, {}, {}};
  const auto there = static_cast<std::int64_t>(ids.size());
  const std::vector<std::string> words = words_of(text);
  if (words.empty()) return recall;
  for (std::int64_t distance = kRecallShortest; kRecallBefore + distance + kRecallPassage <= options.longest;
       distance *= 2) {
    if (kRecallBefore + distance - kRecallPassage > there) break;
    Random random(static_cast<std::uint64_t>(distance));
    std::vector<Trial> trials;
    trials.reserve(static_cast<std::size_t>(options.trials));
    for (int i = 0; i < options.trials; ++i)
      trials.push_back(trial_of(one_repetition(tokenizer, words, ids, distance, random)));
    recall.repetition.push_back(measure_repetition(original, converted, trials, distance, job));
  }
  for (std::int64_t tokens = kRecallShortest; tokens <= options.longest; tokens *= 2) {
    Random random(static_cast<std::uint64_t>(tokens) + 1);
    std::vector<std::string> order = words;
    std::vector<Trial> trials;
    std::int64_t entries = 0;
    for (int i = 0; i < options.trials; ++i) {
      auto trial = lookup_trial(tokenizer, order, tokens, random);
      if (!trial) return recall;
      trials.push_back(std::move(trial->first));
      entries += trial->second;
    }
    recall.lookup.push_back(
        measure_lookup(original, converted, trials, tokens, entries / options.trials, job));
  }
  return recall;
}

nlohmann::json Recall::to_json() const {
  nlohmann::json repetitions = nlohmann::json::array();
  for (const RepetitionRecall& part : repetition) {
    repetitions.push_back({{"distance", part.distance},
                           {"solved", part.solved()},
                           {"first_loss", part.first.to_json()},
                           {"original_loss", part.original.to_json()},
                           {"converted_loss", json_of(part.converted)},
                           {"extra_loss", json_of(part.extra)}});
  }
  nlohmann::json lookups = nlohmann::json::array();
  for (const LookupRecall& part : lookup) {
    lookups.push_back({{"tokens", part.tokens},
                       {"entries", part.entries},
                       {"questions", kLookupQuestions},
                       {"solved", part.solved()},
                       {"original", part.original.to_json()},
                       {"converted", json_of(part.converted)}});
  }
  return {{"trials", trials}, {"repetition", std::move(repetitions)}, {"lookup", std::move(lookups)}};
}

}  // namespace bsbr
