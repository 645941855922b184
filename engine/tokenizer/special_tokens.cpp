#include "engine/tokenizer/special_tokens.h"

#include <algorithm>

namespace bsbr {
namespace {

// Characters of Unicode's White_Space, in UTF-8.
constexpr std::string_view kWhite[] = {" ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085",
                                       "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                       "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u2028",
                                       "\u2029", "\u202F", "\u205F", "\u3000"};

std::size_t white_at_end(std::string_view text) {
  const std::size_t before = text.size();
  const auto* end = std::end(kWhite);
  for (const auto* white = kWhite; white != end;) {
    white = std::find_if(std::begin(kWhite), end, [&](std::string_view w) { return text.ends_with(w); });
    if (white != end) text.remove_suffix(white->size());
  }
  return before - text.size();
}

std::size_t white_at_start(std::string_view text) {
  const std::size_t before = text.size();
  const auto* end = std::end(kWhite);
  for (const auto* white = kWhite; white != end;) {
    white = std::find_if(std::begin(kWhite), end, [&](std::string_view w) { return text.starts_with(w); });
    if (white != end) text.remove_prefix(white->size());
  }
  return before - text.size();
}

}  // namespace

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

std::optional<SpecialTokens::Hit> SpecialTokens::find(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size(); ++at) {
    const Range range = starting_with(text[at]);
    for (std::size_t i = range.begin; i < range.end; ++i) {
      const SpecialToken& token = tokens_[i];
      if (!text.substr(at).starts_with(token.text)) continue;
      Hit hit{at, at + token.text.size(), token.id};
      if (token.strip_left) hit.begin -= white_at_end(text.substr(from, at - from));
      if (token.strip_right) hit.end += white_at_start(text.substr(hit.end));
      return hit;
    }
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
