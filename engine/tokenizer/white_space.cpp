#include "engine/tokenizer/white_space.h"

#include <algorithm>
#include <iterator>

namespace bsbr {
namespace {

// Characters of Unicode's White_Space, in UTF-8.
constexpr std::string_view kWhite[] = {" ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085",
                                       "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
                                       "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u2028",
                                       "\u2029", "\u202F", "\u205F", "\u3000"};

}  // namespace

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

}  // namespace bsbr
