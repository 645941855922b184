#include "engine/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <utility>

namespace bsbr {
namespace {

constexpr std::string_view kWholePiece = "(?s).++";

}  // namespace

bool PreTokenizer::adds_spaces() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const Step& step) { return step.prefix_space; });
}

void add_byte_level(std::vector<PreTokenizer::Step>& steps, bool prefix_space, bool gpt2_split) {
  if (!prefix_space && !gpt2_split) return;
  steps.push_back(
      {.pattern = SplitPattern(gpt2_split ? kGpt2Split : kWholePiece), .prefix_space = prefix_space});
}

PreTokenizer::Scan::Scan(const PreTokenizer& splits) {
  for (const Step& step : splits.steps_) {
    levels_.push_back({SplitPattern::Scan(step.pattern), step.behavior, step.invert, step.prefix_space});
  }
}

void PreTokenizer::Scan::start(std::string_view text) {
  whole_ = levels_.empty() ? text : std::string_view();
  for (Level& level : levels_) {
    start(level, text);
    text = {};
  }
}

std::string_view PreTokenizer::Scan::next() {
  if (levels_.empty()) return std::exchange(whole_, {});
  // From the last level that has a piece down to the last one of all.
  std::size_t at = levels_.size() - 1;
  while (true) {
    const std::string_view piece = next(levels_[at]);
    if (piece.empty()) {
      if (at == 0) return {};
      --at;
    } else {
      if (at + 1 == levels_.size()) return piece;
      start(levels_[++at], piece);
    }
  }
}

void PreTokenizer::Scan::start(Level& level, std::string_view text) {
  if (level.prefix_space && !text.empty() && text[0] != ' ') {
    level.spaced.assign(" ").append(text);
    text = level.spaced;
  }
  level.matches.start(text);
  advance(level);
}

void PreTokenizer::Scan::advance(Level& level) {
  level.ahead = level.matches.next();
  level.ahead_is_match = level.matches.is_match() != level.invert;
}

std::string_view PreTokenizer::Scan::next(Level& level) {
  while (level.behavior == SplitBehavior::Removed && !level.ahead.empty() && level.ahead_is_match) {
    advance(level);
  }
  std::string_view piece = level.ahead;
  if (piece.empty()) return piece;
  bool is_match = level.ahead_is_match;
  const auto joins = [&] {
    switch (level.behavior) {
      case SplitBehavior::MergedWithPrevious:
        return !is_match && level.ahead_is_match;
      case SplitBehavior::MergedWithNext:
        return is_match && !level.ahead_is_match;
      case SplitBehavior::Contiguous:
        return is_match == level.ahead_is_match;
      default:
        return false;
    }
  };
  advance(level);
  while (!level.ahead.empty() && joins()) {
    piece = {piece.data(), piece.size() + level.ahead.size()};
    advance(level);
    if (level.behavior != SplitBehavior::Contiguous) break;
  }
  return piece;
}

}  // namespace bsbr
