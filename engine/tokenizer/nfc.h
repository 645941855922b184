#pragma once

#include <string>
#include <string_view>

namespace bsbr {

/// `text` in Unicode's normalization form C (https://unicode.org/reports/tr15); bytes that are not valid
/// UTF-8 stay as they are. Thread-safe. Throws Error(OutOfMemory).
std::string to_nfc(std::string_view text);

/// Quick; false only if to_nfc() would return the text unchanged.
bool may_need_nfc(std::string_view text) noexcept;

}  // namespace bsbr
