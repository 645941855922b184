#include "engine/analysis/recall_meter.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/analysis/answers.h"

namespace bsbr {
namespace {

constexpr std::int64_t kKnown = kRecallPassage - 1;  // tokens of a reading that can be known

std::vector<std::int64_t> known_tokens(const std::vector<RecallText::Passage>& passages,
                                       std::int64_t RecallText::Passage::*reading) {
  std::vector<std::int64_t> positions;
  for (const RecallText::Passage& passage : passages) {
    for (std::int64_t i = 1; i <= kKnown; ++i) positions.push_back(passage.*reading + i);
  }
  return positions;
}

double sum_of(const std::vector<double>& losses, std::size_t passage) {
  const auto begin = losses.begin() + static_cast<std::ptrdiff_t>(passage) * kKnown;
  double sum = 0;
  for (auto loss = begin; loss != begin + kKnown; ++loss) sum += *loss;
  return sum;
}

}  // namespace

double RecallLoss::worst() const {
  double worst = 0;
  for (const AtDistance& one : distances) worst = std::max(worst, one.extra);
  return worst;
}

nlohmann::json RecallLoss::to_json() const {
  nlohmann::json all = nlohmann::json::array();
  for (const AtDistance& one : distances) {
    all.push_back({{"distance", one.distance}, {"original_loss", one.original}, {"extra_loss", one.extra}});
  }
  return {{"passages", passages}, {"distances", std::move(all)}};
}

RecallMeter::RecallMeter(const LanguageModel& original, RecallText text, const Job& job)
    : ids_(std::move(text.ids)) {
  if (text.passages.empty()) return;
  const auto again = static_cast<std::ptrdiff_t>(text.passages.size()) * kKnown;
  std::vector<std::int64_t> positions = known_tokens(text.passages, &RecallText::Passage::first);
  const std::vector<std::int64_t> second = known_tokens(text.passages, &RecallText::Passage::second);
  positions.insert(positions.end(), second.begin(), second.end());
  const std::vector<double> losses = ask(original, ids_, positions, job).losses;
  const std::vector<double> firsts(losses.begin(), losses.begin() + again);
  const std::vector<double> seconds(losses.begin() + again, losses.end());

  std::map<std::int64_t, std::pair<double, double>> sums;  // of first and second readings, by distance
  for (std::size_t i = 0; i < text.passages.size(); ++i) {
    auto& [first_sum, second_sum] = sums[text.passages[i].distance()];
    first_sum += sum_of(firsts, i);
    second_sum += sum_of(seconds, i);
  }
  for (std::size_t i = 0; i < text.passages.size(); ++i) {
    const auto& [first_sum, second_sum] = sums[text.passages[i].distance()];
    if (second_sum >= 0.5 * first_sum) continue;
    passages_.push_back(text.passages[i]);
    const auto begin = seconds.begin() + static_cast<std::ptrdiff_t>(i) * kKnown;
    losses_.insert(losses_.end(), begin, begin + kKnown);
  }
}

RecallLoss RecallMeter::measure(const LanguageModel& converted, const Job& job) const {
  RecallLoss result{static_cast<std::int64_t>(passages_.size()), {}};
  if (passages_.empty()) return result;
  const std::vector<double> losses =
      ask(converted, ids_, known_tokens(passages_, &RecallText::Passage::second), job).losses;
  struct Sums {
    double original = 0, converted = 0, tokens = 0;
  };
  std::map<std::int64_t, Sums> sums;
  for (std::size_t i = 0; i < passages_.size(); ++i) {
    Sums& sum = sums[passages_[i].distance()];
    sum.original += sum_of(losses_, i);
    sum.converted += sum_of(losses, i);
    sum.tokens += kKnown;
  }
  for (const auto& [distance, sum] : sums) {
    result.distances.push_back(
        {distance, sum.original / sum.tokens, (sum.converted - sum.original) / sum.tokens});
  }
  return result;
}

}  // namespace bsbr
