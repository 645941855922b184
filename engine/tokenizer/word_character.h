#pragma once

#include <string_view>

namespace bsbr {

/// Whether UTF-8 text begins or ends with a character that belongs to words: alphabetic, mark, decimal digit,
/// connecting punctuation or joiner (\w of Unicode, https://unicode.org/reports/tr18, Annex C). False for
/// empty text and where the bytes are not valid UTF-8.
bool starts_with_word(std::string_view text);
bool ends_with_word(std::string_view text);

}  // namespace bsbr
