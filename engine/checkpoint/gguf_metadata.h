#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/checkpoint/gguf_cursor.h"

namespace bsbr {

/// A metadata value. All integer types become int64, floats double, arrays of booleans integers 0 and 1;
/// uint64 is there only for single values above 2^63-1. Single strings are valid UTF-8; the strings of arrays
/// are bytes as the file has them, for vocabularies hold tokens that are not UTF-8.
using GgufValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string,
                               std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;
using GgufMetadata = std::map<std::string, GgufValue, std::less<>>;

/// "a string", "an array of integers", …: what a value is, for messages.
std::string_view kind_of(const GgufValue& value) noexcept;

/// Throws Error(InvalidFile) that a key of `path` has a value of another kind than `expected`'s.
[[noreturn]] void refuse_gguf_type(const GgufMetadata& metadata, std::string_view key,
                                   const GgufValue& expected, const std::filesystem::path& path);

/// The value of a key of `path`; nullptr when it is absent. Throws Error(InvalidFile) if it has another type
/// than T, one of GgufValue's.
template <class T>
const T* gguf_value(const GgufMetadata& metadata, std::string_view key, const std::filesystem::path& path) {
  const auto at = metadata.find(key);
  if (at == metadata.end()) return nullptr;
  const T* const value = std::get_if<T>(&at->second);
  if (value == nullptr) refuse_gguf_type(metadata, key, GgufValue(T()), path);
  return value;
}

/// Reads `count` key-value pairs and checks them as GgufFile::open says. Throws Error(InvalidFile |
/// Unsupported).
GgufMetadata read_gguf_metadata(GgufCursor& cursor, std::uint64_t count);

}  // namespace bsbr
