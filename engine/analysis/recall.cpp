#include "engine/analysis/recall.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <utf8proc.h>

#include <algorithm>
#include <random>
#include <unordered_set>

#include "engine/model/decoder.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

constexpr std::int64_t kShortest = 256;  // distance and list
constexpr std::int64_t kPassage = 64;
/// Text before the first reading: it must not fall into the sink, which is always read exactly.
constexpr std::int64_t kBefore = 32;

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

/// What a model makes of the wanted tokens: the loss of each, and whether it is ranked first.
struct Answers {
  std::vector<double> losses, right;
};

Answers ask(const LanguageModel& model, const Trial& trial, const Job& job) {
  return at_torch_border([&] {
    const Decoder& decoder = model.decoder();
    Decoder::Options options;
    options.job = job;
    const at::Tensor hidden =
        decoder.forward({trial.ids, {static_cast<std::int64_t>(trial.ids.size())}}, options);
    const at::TensorOptions integers = at::TensorOptions(at::kLong).device(hidden.device());
    std::vector<std::int64_t> tokens;
    for (const std::int64_t position : trial.wanted)
      tokens.push_back(trial.ids[static_cast<std::size_t>(position)]);
    const at::Tensor rows = at::tensor(trial.wanted, integers) - 1;  // each is predicted one before it
    const at::Tensor wanted = at::tensor(tokens, integers);
    const at::Tensor logs = at::log_softmax(decoder.head(hidden.index_select(0, rows)), 1);
    const auto values = [](const at::Tensor& x) {
      const at::Tensor host = x.to(at::kCPU, at::kDouble).contiguous();
      return std::vector<double>(host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel());
    };
    return Answers{values(-logs.gather(1, wanted.unsqueeze(1)).squeeze(1)),
                   values(logs.argmax(1).eq(wanted))};
  });
}

double mean(std::span<const double> values) {
  return estimate(values).mean;
}

/// Text, the passage, text, the passage again. All but the first token of each reading are wanted: that one
/// cannot be known.
Trial repetition_trial(const Tokenizer& tokenizer, const std::vector<std::string>& words,
                       std::span<const TokenId> text, std::int64_t distance, Random& random) {
  std::vector<TokenId> passage;
  while (passage.size() < kPassage)
    append(passage, tokenizer.encode(" " + words[below(random, words.size())]));
  passage.resize(kPassage);
  const auto between = static_cast<std::size_t>(distance - kPassage);
  const std::span<const TokenId> around =
      text.subspan(below(random, text.size() - between - kBefore + 1), kBefore + between);
  Trial trial;
  append(trial.ids, around.first(kBefore));
  append(trial.ids, passage);
  append(trial.ids, around.subspan(kBefore));
  append(trial.ids, passage);
  for (const std::int64_t reading : {kBefore, kBefore + distance})
    for (std::int64_t i = 1; i < kPassage; ++i) trial.wanted.push_back(reading + i);
  return trial;
}

RepetitionRecall measure_repetition(const LanguageModel& original, const LanguageModel& converted,
                                    const std::vector<Trial>& trials, std::int64_t distance, const Job& job) {
  std::vector<double> first, second, again, extra;
  const auto name = [&](std::size_t i) {
    return job.stage(cat("recall over ", distance, " tokens, trial ", i + 1, " of ", trials.size()));
  };
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::vector<double> losses = ask(original, trials[i], name(i)).losses;
    first.push_back(mean(std::span(losses).first(kPassage - 1)));
    second.push_back(mean(std::span(losses).subspan(kPassage - 1)));
  }
  RepetitionRecall result{distance, estimate(first), estimate(second), {}, {}};
  if (!result.solved()) return result;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::vector<double> losses = ask(converted, trials[i], name(i)).losses;
    again.push_back(mean(std::span(losses).subspan(kPassage - 1)));
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
      right.push_back(mean(ask(model, trials[i], part).right));
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

std::vector<std::string> words_of(const std::string& text) {
  constexpr std::size_t kFewest = 3, kMost = 16;
  std::vector<std::string> words;
  std::unordered_set<std::string> known;
  std::string word;
  std::size_t letters = 0;
  const auto finish = [&] {
    if (letters >= kFewest && letters <= kMost && known.insert(word).second) words.push_back(word);
    word.clear();
    letters = 0;
  };
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = -1;
    const utf8proc_ssize_t size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                         static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    const std::size_t length = size > 0 ? static_cast<std::size_t>(size) : 1;
    const utf8proc_category_t category = size > 0 ? utf8proc_category(code) : UTF8PROC_CATEGORY_CN;
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) {
      word.append(text, at, length);
      ++letters;
    } else {
      finish();
    }
    at += length;
  }
  finish();
  return words;
}

Recall measure_recall(const LanguageModel& original, const LanguageModel& converted,
                      const Tokenizer& tokenizer, const std::string& text, std::span<const TokenId> ids,
                      const RecallOptions& options, const Job& job) {
  if (options.trials < 1)
    throw Error(ErrorKind::InvalidArgument, cat("trials are ", options.trials, "; legal: 1 or more"));
  Recall recall{options.trials, {}, {}};
  const auto there = static_cast<std::int64_t>(ids.size());
  const std::vector<std::string> words = words_of(text);
  if (words.empty()) return recall;
  for (std::int64_t distance = kShortest; kBefore + distance + kPassage <= options.longest; distance *= 2) {
    if (kBefore + distance - kPassage > there) break;
    Random random(static_cast<std::uint64_t>(distance));
    std::vector<Trial> trials;
    trials.reserve(static_cast<std::size_t>(options.trials));
    for (int i = 0; i < options.trials; ++i)
      trials.push_back(repetition_trial(tokenizer, words, ids, distance, random));
    recall.repetition.push_back(measure_repetition(original, converted, trials, distance, job));
  }
  for (std::int64_t tokens = kShortest; tokens <= options.longest; tokens *= 2) {
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
