#include "engine/tokenizer/jinja/text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/tokenizer/jinja/special_case.h"

namespace bsbr::jinja {
namespace {

constexpr char32_t kInvalidByte = 0xDC00;

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

enum class Case { Upper, Lower, Title };

void append_other(std::string& out, char32_t code, Case wanted) {
  const std::u32string_view special = wanted == Case::Upper   ? special_upper(code)
                                      : wanted == Case::Title ? special_title(code)
                                      : code == 0x130         ? U"i\u0307"
                                                              : U"";
  if (!special.empty()) {
    for (const char32_t one : special) append_character(out, one);
    return;
  }
  const auto number = static_cast<utf8proc_int32_t>(code);
  append_character(out, static_cast<char32_t>(wanted == Case::Upper   ? utf8proc_toupper(number)
                                              : wanted == Case::Lower ? utf8proc_tolower(number)
                                                                      : utf8proc_totitle(number)));
}

// Whether a word ends with the character before `rest`: Greek has a sigma of its own there.
bool ends_word(std::string_view rest) {
  while (!rest.empty() && is_case_ignorable(first_character(rest).code)) {
    rest.remove_prefix(first_character(rest).size);
  }
  return rest.empty() || !is_cased(first_character(rest).code);
}

void append_in_case(std::string& out, char32_t code, std::string_view bytes, Case wanted) {
  const bool up = wanted != Case::Lower;
  const char c = bytes[0];
  if (code < 0x80) {
    out += up && c >= 'a' && c <= 'z'    ? static_cast<char>(c - 'a' + 'A')
           : !up && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a')
                                         : c;
  } else if (code >= kInvalidByte && code <= kInvalidByte + 0xFF) {
    out += bytes;
  } else {
    append_other(out, code, wanted);
  }
}

/// `wanted` gives the case of each character.
template <class WantedCase>
std::string in_case(std::string_view text, WantedCase wanted) {
  constexpr char32_t kSigma = 0x3A3;
  std::string out;
  out.reserve(text.size());
  bool after_cased = false;  // as Unicode's Final_Sigma asks
  while (!text.empty()) {
    const auto [code, size] = first_character(text);
    const Case now = wanted(code);
    const std::string_view bytes = text.substr(0, size);
    text.remove_prefix(size);
    if (code == kSigma && now == Case::Lower && after_cased && ends_word(text)) {
      append_character(out, 0x3C2);
    } else {
      append_in_case(out, code, bytes, now);
    }
    if (!is_case_ignorable(code)) after_cased = is_cased(code);
  }
  return out;
}

bool strips(std::optional<std::string_view> set, std::string_view character) {
  if (!set) return is_white(first_character(character).code);
  for (std::size_t at = 0; at < set->size();) {
    const std::size_t size = first_character(set->substr(at)).size;
    if (set->substr(at, size) == character) return true;
    at += size;
  }
  return false;
}

}  // namespace

Character first_character(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte < 0x80) return {byte, 1};
  utf8proc_int32_t code = 0;
  const utf8proc_ssize_t size =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &code);
  if (size <= 0) return {kInvalidByte + byte, 1};
  return {static_cast<char32_t>(code), static_cast<std::size_t>(size)};
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(first_character(text).size);
  return count;
}

std::size_t byte_offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += first_character(text.substr(at)).size;
  return at;
}

std::vector<std::string_view> split_characters(std::string_view text) {
  std::vector<std::string_view> characters;
  while (!text.empty()) {
    const std::size_t size = first_character(text).size;
    characters.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return characters;
}

void append_character(std::string& text, char32_t code) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes.data());
  for (utf8proc_ssize_t i = 0; i < size; ++i) text += static_cast<char>(bytes[static_cast<std::size_t>(i)]);
}

bool is_white(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_digit(char32_t code) {
  return category(code) == UTF8PROC_CATEGORY_ND;
}

bool is_letter(char32_t code) {
  const utf8proc_category_t kind = category(code);
  return is_cased(code) || kind == UTF8PROC_CATEGORY_LM || kind == UTF8PROC_CATEGORY_LO;
}

std::string_view strip_left(std::string_view text, std::optional<std::string_view> set) {
  while (!text.empty()) {
    const std::size_t size = first_character(text).size;
    if (!strips(set, text.substr(0, size))) break;
    text.remove_prefix(size);
  }
  return text;
}

std::string_view strip_right(std::string_view text, std::optional<std::string_view> set) {
  while (!text.empty()) {
    std::size_t size = 1;
    for (std::size_t length = 2; length <= 4 && length <= text.size(); ++length) {
      if (first_character(text.substr(text.size() - length)).size == length) size = length;
    }
    if (!strips(set, text.substr(text.size() - size))) break;
    text.remove_suffix(size);
  }
  return text;
}

std::string upper(std::string_view text) {
  return in_case(text, [](char32_t) { return Case::Upper; });
}
std::string lower(std::string_view text) {
  return in_case(text, [](char32_t) { return Case::Lower; });
}
std::string capitalize(std::string_view text) {
  return in_case(text, [first = true](char32_t) mutable {
    return std::exchange(first, false) ? Case::Title : Case::Lower;
  });
}
std::string title(std::string_view text) {
  return in_case(text, [within = false](char32_t code) mutable {
    return std::exchange(within, is_cased(code)) ? Case::Lower : Case::Title;
  });
}

std::size_t find_text(Budget& budget, std::string_view text, std::string_view part, std::size_t from) {
  if (from > text.size()) return text.npos;
  budget.bytes(text.size() - from + part.size());
  // memmem() takes linear time, which std::string_view::find() does not.
  const void* found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  if (found == nullptr) return text.npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t find_last_text(Budget& budget, std::string_view text, std::string_view part) {
  budget.bytes(text.size() + 1, part.size() + 1);
  return text.rfind(part);
}

std::string replace_text(Budget& budget, std::string_view text, std::string_view old, std::string_view with,
                         std::size_t most) {
  std::string out;
  std::size_t at = 0;
  budget.bytes(text.size());
  while (most > 0) {
    // The search of a short stretch costs little, so that many replacements take linear time.
    std::size_t found = at;
    if (!old.empty()) {
      const void* hit = ::memmem(text.data() + at, text.size() - at, old.data(), old.size());
      if (hit == nullptr) break;
      found = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
    }
    budget.bytes(with.size() + old.size());
    out.append(text.substr(at, found - at)).append(with);
    at = found + old.size();
    --most;
    if (!old.empty()) continue;
    if (at >= text.size()) break;
    const std::size_t size = first_character(text.substr(at)).size;
    out.append(text.substr(at, size));
    at += size;
  }
  if (at < text.size()) out.append(text.substr(at));
  return out;
}

}  // namespace bsbr::jinja
