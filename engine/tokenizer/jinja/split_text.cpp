#include "engine/tokenizer/jinja/split_text.h"

#include <algorithm>
#include <cstring>

#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

bool ends_line(char32_t code) {
  return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

// Size of what is no white space at the start or the end of the text.
std::size_t word_at_start(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && !is_white(first_character(text.substr(size)).code)) {
    size += first_character(text.substr(size)).size;
  }
  return size;
}

}  // namespace

Values split_left(Budget& budget, std::string_view text, std::string_view separator, std::size_t most) {
  Values parts;
  budget.bytes(2 * text.size());
  while (parts.size() < most) {
    const void* hit = ::memmem(text.data(), text.size(), separator.data(), separator.size());
    if (hit == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
    budget.work(4 + separator.size() / 4);
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.emplace_back(text);
  return parts;
}

Values split_right(Budget& budget, std::string_view text, std::string_view separator, std::size_t most) {
  Values parts;
  budget.bytes(text.size() + 1, separator.size() + 1);
  while (parts.size() < most) {
    const std::size_t at = text.rfind(separator);
    if (at == text.npos) break;
    budget.work(4);
    parts.emplace_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.emplace_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Values split_words(Budget& budget, std::string_view text, std::size_t most, bool from_right) {
  budget.work(1 + text.size());
  if (from_right && most != SIZE_MAX) unsupported("uses .rsplit() at white space with a limit");
  Values words;
  text = strip_left(text, std::nullopt);
  while (!text.empty()) {
    if (words.size() == most) {
      words.emplace_back(text);
      break;
    }
    const std::size_t size = word_at_start(text);
    words.emplace_back(text.substr(0, size));
    text = strip_left(text.substr(size), std::nullopt);
  }
  return words;
}

Values split_lines(Budget& budget, std::string_view text, bool keep_ends) {
  budget.work(1 + text.size());
  Values lines;
  while (!text.empty()) {
    std::size_t size = 0;
    while (size < text.size() && !ends_line(first_character(text.substr(size)).code)) {
      size += first_character(text.substr(size)).size;
    }
    std::size_t end = size;
    if (end < text.size())
      end += text.substr(end).starts_with("\r\n") ? 2 : first_character(text.substr(end)).size;
    lines.emplace_back(text.substr(0, keep_ends ? end : size));
    text.remove_prefix(end);
  }
  return lines;
}

}  // namespace bsbr::jinja
