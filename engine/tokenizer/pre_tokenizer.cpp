#include "engine/tokenizer/pre_tokenizer.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace bsbr {
namespace {

// https://github.com/meta-llama/llama3, llama/tokenizer.py, and https://huggingface.co/Qwen/Qwen2-7B,
// tokenizer.json; written for PCRE2 as kGpt2Split is.
#define WHITE "\\t-\\r\\x{85}\\p{Z}"
#define LLAMA3_WITH(DIGITS)         \
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)"    \
  "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}++" \
  "|" DIGITS "| ?[^" WHITE          \
  "\\p{L}\\p{N}]++[\\r\\n]*+"       \
  "|[" WHITE                        \
  "]*[\\r\\n]++"                    \
  "|[" WHITE "]+(?![^" WHITE        \
  "])"                              \
  "|[" WHITE "]++"
constexpr std::string_view kLlama3Split = LLAMA3_WITH("\\p{N}{1,3}");
constexpr std::string_view kQwen2Split = LLAMA3_WITH("\\p{N}");
#undef LLAMA3_WITH
#undef WHITE

PreTokenizer isolated(std::initializer_list<std::string_view> patterns) {
  std::vector<PreTokenizer::Step> steps;
  for (const std::string_view pattern : patterns) steps.push_back({.pattern = SplitPattern(pattern)});
  return PreTokenizer(std::move(steps));
}

}  // namespace

PreTokenizer gpt2_pre_tokenizer() {
  return isolated({kGpt2Split});
}

PreTokenizer smollm_pre_tokenizer() {
  return isolated({"\\p{N}", kGpt2Split});
}

PreTokenizer llama3_pre_tokenizer() {
  return isolated({kLlama3Split});
}

PreTokenizer qwen2_pre_tokenizer() {
  return isolated({kQwen2Split});
}

PreTokenizer::Scan::Scan(const PreTokenizer& splits) {
  for (const Step& step : splits.steps_) {
    levels_.push_back({SplitPattern::Scan(step.pattern), step.behavior, step.invert});
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
