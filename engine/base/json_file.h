#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bsbr {

/// Parses `text` as one JSON object: UTF-8, no duplicate keys, at most 64 levels deep.
/// Throws Error(InvalidFile) that starts with `where` (a path, for the message only).
nlohmann::json parse_json_object(std::string_view text, const std::filesystem::path& where);

/// Reads a JSON object from a regular file of at most `max_bytes`.
/// Throws Error(NotFound | Io | InvalidFile | Unsupported); names Git LFS pointers for what they are.
nlohmann::json read_json_object(const std::filesystem::path& path, std::uint64_t max_bytes = 64u << 20);

/// Reads a whole regular file of at most `max_bytes`. Throws as read_json_object does.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace bsbr
