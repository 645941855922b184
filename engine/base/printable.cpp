#include "engine/base/printable.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "engine/base/utf8.h"

namespace bsbr {
namespace {

/// Inclusive ranges of characters, as their UTF-8 compares.
struct Range {
  std::string_view first, last;
};
constexpr std::array<Range, 6> kHidden{{{std::string_view("\0", 1), "\x1F"},
                                        {"\x7F", "\x7F"},
                                        {"\u0080", "\u009F"},
                                        {"\u200E", "\u200F"},
                                        {"\u2028", "\u202E"},
                                        {"\u2066", "\u2069"}}};

/// Length of the character at the beginning of `text`, which is not empty; 0 if none is there.
std::size_t character_length(std::string_view text) {
  const auto ones = static_cast<std::size_t>(std::countl_one(static_cast<unsigned char>(text.front())));
  const std::size_t length = std::max<std::size_t>(ones, 1);
  return length <= text.size() && is_valid_utf8(text.substr(0, length)) ? length : 0;
}

bool is_hidden(std::string_view character) {
  return std::ranges::any_of(kHidden, [&](const Range& range) {
    return character.size() == range.first.size() && character >= range.first && character <= range.last;
  });
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view part = text.substr(0, std::max<std::size_t>(length, 1));
    if (length > 0 && !is_hidden(part)) {
      out += part;
    } else {
      for (const char c : part) {
        const auto byte = static_cast<unsigned char>(c);
        out.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
      }
    }
    text.remove_prefix(part.size());
  }
  return out;
}

}  // namespace bsbr
