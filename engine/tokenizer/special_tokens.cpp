#include "engine/tokenizer/special_tokens.h"

#include <algorithm>

#include "engine/tokenizer/white_space.h"
#include "engine/tokenizer/word_character.h"

namespace bsbr {
SpecialTokens::SpecialTokens(std::vector<SpecialToken> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(), [](const SpecialToken& a, const SpecialToken& b) {
    const auto first_a = static_cast<unsigned char>(a.text[0]);
    const auto first_b = static_cast<unsigned char>(b.text[0]);
    return first_a != first_b ? first_a < first_b : a.text.size() > b.text.size();
  });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    Range& range = ranges_[static_cast<unsigned char>(tokens_[i].text[0])];
    if (range.begin == range.end) range.begin = i;
    range.end = i + 1;
  }
}

const SpecialToken* SpecialTokens::longest(std::string_view text) const {
  const Range range = starting_with(text[0]);
  for (std::size_t i = range.begin; i < range.end; ++i) {
    if (text.starts_with(tokens_[i].text)) return &tokens_[i];
  }
  return nullptr;
}

std::optional<SpecialTokens::Hit> SpecialTokens::find(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size();) {
    const SpecialToken* token = longest(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    Hit hit{at, at + token->text.size(), token->id};
    if (token->single_word &&
        (ends_with_word(text.substr(0, at)) || starts_with_word(text.substr(hit.end)))) {
      at = hit.end;
      continue;
    }
    if (token->strip_left) hit.begin -= white_at_end(text.substr(from, at - from));
    if (token->strip_right) hit.end += white_at_start(text.substr(hit.end));
    return hit;
  }
  return std::nullopt;
}

std::optional<TokenId> SpecialTokens::id(std::string_view text) const {
  if (text.empty()) return std::nullopt;
  const Range range = starting_with(text[0]);
  for (std::size_t i = range.begin; i < range.end; ++i) {
    if (tokens_[i].text == text) return tokens_[i].id;
  }
  return std::nullopt;
}

}  // namespace bsbr
