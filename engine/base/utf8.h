#pragma once

#include <cstddef>
#include <string_view>

namespace bsbr {

/// Length in bytes of the longest prefix of `text` that is valid UTF-8 (RFC 3629: no surrogates, no overlong
/// forms, nothing above U+10FFFF).
std::size_t valid_utf8_prefix(std::string_view text) noexcept;

inline bool is_valid_utf8(std::string_view text) noexcept {
  return valid_utf8_prefix(text) == text.size();
}

/// Length of the character that `text` ends in the middle of: 1 to 3 bytes that more bytes could make a valid
/// character, or 0.
std::size_t cut_utf8_suffix(std::string_view text) noexcept;

}  // namespace bsbr
