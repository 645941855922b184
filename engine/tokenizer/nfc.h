#pragma once

#include <string>
#include <string_view>

namespace bsbr {

/// Unicode's normalization forms (https://unicode.org/reports/tr15).
enum class UnicodeForm { C, D, KC, KD };

/// `text` in a normalization form; bytes that are not valid UTF-8 stay as they are. Thread-safe. Throws
/// Error(OutOfMemory).
std::string to_form(std::string_view text, UnicodeForm form);

inline std::string to_nfc(std::string_view text) {
  return to_form(text, UnicodeForm::C);
}

/// Quick; false only if to_nfc() would return the text unchanged.
bool may_need_nfc(std::string_view text) noexcept;

}  // namespace bsbr
