#include "engine/tokenizer/jinja/string_literal.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "engine/base/error.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

// The code point of `count` digits at the start of `digits`.
char32_t code_of(std::string_view digits, std::size_t count, int base) {
  unsigned code = 0;
  digits = digits.substr(0, count);
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), code, base);
  if (digits.size() < count || end.ptr != digits.data() + count || code > 0x10FFFF) {
    throw Error(ErrorKind::InvalidFile, cat("a string has a bad escape \\", digits));
  }
  if (code >= 0xD800 && code <= 0xDFFF) {
    throw Error(ErrorKind::Unsupported, "a string has an escaped surrogate");
  }
  return code;
}

std::size_t octal_size(std::string_view text) {
  std::size_t size = 0;
  while (size < 3 && size < text.size() && text[size] >= '0' && text[size] <= '7') ++size;
  return size;
}

// Appends what the escape after a backslash stands for, and gives its size.
std::size_t append_escape(std::string& out, std::string_view escape) {
  static constexpr std::string_view kLetters = "\\'\"abfnrtv";
  static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  const char letter = escape[0];
  if (letter == '\n') return 1;
  if (const std::size_t known = kLetters.find(letter); known != kLetters.npos) {
    out += kMeanings[known];
    return 1;
  }
  if (const std::size_t size = octal_size(escape); size > 0) {
    append_character(out, code_of(escape, size, 8));
    return size;
  }
  if (letter == 'N') throw Error(ErrorKind::Unsupported, "a string names a character with \\N");
  const std::size_t count = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  if (count > 0) {
    append_character(out, code_of(escape.substr(1), count, 16));
    return 1 + count;
  }
  out += '\\';
  const auto [code, size] = first_character(escape);
  if (code < 0x80 || size == 1) return 0;
  // Jinja writes other characters as escapes first; the backslash before takes away that of the escape.
  std::array<char, 16> digits{};
  const char* const format = code <= 0xFF ? "x%02x" : code <= 0xFFFF ? "u%04x" : "U%08x";
  std::snprintf(digits.data(), digits.size(), format, static_cast<unsigned>(code));
  out += digits.data();
  return size;
}

}  // namespace

std::string string_literal(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t at = 0; at < source.size();) {
    if (source[at] != '\\' || at + 1 == source.size()) {
      out += source[at++];
      continue;
    }
    at += 1 + append_escape(out, source.substr(at + 1));
  }
  return out;
}

}  // namespace bsbr::jinja
