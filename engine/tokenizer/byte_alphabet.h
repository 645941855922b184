#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bsbr {

/// GPT-2's byte alphabet (encoder.py, bytes_to_unicode): vocabulary files write each byte as one printable
/// character. Printable bytes of Latin-1 stand for themselves, the other 68 are U+0100 and up in the order of
/// the bytes; a space is "Ġ". All functions are thread-safe.

/// The character of `byte`, in UTF-8.
std::string_view byte_symbol(unsigned char byte) noexcept;

/// The bytes that `symbols` (UTF-8) spells, or nothing if a character of it is not in the alphabet.
std::optional<std::string> bytes_of_symbols(std::string_view symbols);

}  // namespace bsbr
