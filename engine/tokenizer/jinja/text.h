#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/jinja/budget.h"

/// Strings as Python has them, in UTF-8: made of code points. A byte that is no valid UTF-8 counts as one.
namespace bsbr::jinja {

struct Character {
  char32_t code;     ///< 0xDC00 + the byte where it is not valid UTF-8
  std::size_t size;  ///< in bytes
};
/// The first character of `text`, which is not empty.
Character first_character(std::string_view text);
std::size_t count_characters(std::string_view text);
/// Where the character of this index begins; the text's size beyond its end.
std::size_t byte_offset(std::string_view text, std::size_t index);
/// Every character, as a text.
std::vector<std::string_view> split_characters(std::string_view text);
/// UTF-8 of a code point up to 0x10FFFF.
void append_character(std::string& text, char32_t code);

/// As Python's str.isspace() of one character.
bool is_white(char32_t code);
bool is_digit(char32_t code);
bool is_letter(char32_t code);

/// Without the characters of `set` at either side; without white space if it is not given.
std::string_view strip_left(std::string_view text, std::optional<std::string_view> set);
std::string_view strip_right(std::string_view text, std::optional<std::string_view> set);

// As Python's methods of these names.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);

/// Like std::string_view's find and rfind, in a time that is in proportion to what `budget` is charged.
std::size_t find_text(Budget& budget, std::string_view text, std::string_view part, std::size_t from = 0);
std::size_t find_last_text(Budget& budget, std::string_view text, std::string_view part);
/// At most `most` times, from the left.
std::string replace_text(Budget& budget, std::string_view text, std::string_view old, std::string_view with,
                         std::size_t most);

}  // namespace bsbr::jinja
