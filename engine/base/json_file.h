#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

/// Parses `text` as one JSON object: UTF-8, no duplicate keys, at most 64 levels deep.
/// Throws Error(InvalidFile) that starts with `where` (a path, for the message only).
nlohmann::json parse_json_object(std::string_view text, const std::filesystem::path& where);

/// Reads a JSON object from a regular file of at most `max_bytes`.
/// Throws Error(NotFound | Io | InvalidFile | Unsupported); names Git LFS pointers for what they are.
nlohmann::json read_json_object(const std::filesystem::path& path, std::uint64_t max_bytes = 64u << 20);

/// The same by the rules of Python's json module, which reads the configuration files of transformers: NaN,
/// Infinity and -Infinity are numbers, and of equal keys in one object the last one counts. Appends to
/// `warnings` one line that names such keys, if there are any.
nlohmann::json read_python_json(const std::filesystem::path& path, std::uint64_t max_bytes,
                                std::vector<std::string>& warnings);
nlohmann::json parse_python_json(std::string_view text, const std::filesystem::path& where,
                                 std::vector<std::string>& warnings);
/// The same, of at most 64 MiB, without telling of equal keys.
nlohmann::json read_python_json(const std::filesystem::path& path);

/// The integer under `key` of an object; `absent` where it has none. Throws Error(InvalidFile) if that is no
/// object, or if it is no integer from `least` to `most`.
std::int64_t integer_or(const nlohmann::json& object, const char* key, std::int64_t absent,
                        std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                        std::int64_t most = std::numeric_limits<std::int64_t>::max());

/// Reads a whole regular file of at most `max_bytes`. Throws as read_json_object does.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace bsbr
