#include "engine/tokenizer/word_character.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bsbr {
namespace {

// Alphabetic characters that are neither letters, numbers nor marks: circled and squared letters.
constexpr std::array<std::pair<utf8proc_int32_t, utf8proc_int32_t>, 4> kOtherAlphabetic = {
    {{0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}}};
constexpr utf8proc_int32_t kNonJoiner = 0x200C, kJoiner = 0x200D;

bool is_word(utf8proc_int32_t character) {
  switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return character == kNonJoiner || character == kJoiner ||
             std::any_of(kOtherAlphabetic.begin(), kOtherAlphabetic.end(), [&](const auto& range) {
               return character >= range.first && character <= range.second;
             });
  }
}

}  // namespace

bool starts_with_word(std::string_view text) {
  utf8proc_int32_t character = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &character);
  return length > 0 && is_word(character);
}

bool ends_with_word(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  for (std::size_t length = 1; length <= std::min(kLongest, text.size()); ++length) {
    const std::string_view last = text.substr(text.size() - length);
    const bool continues = (static_cast<unsigned char>(last[0]) & 0xC0) == 0x80;
    if (!continues) return starts_with_word(last);
  }
  return false;
}

}  // namespace bsbr
