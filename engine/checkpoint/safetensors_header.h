#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/dtype.h"

namespace bsbr {

/// The format's own bound on the length of a header, in bytes.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;
/// The key of a header's free-form strings.
inline constexpr std::string_view kMetadataKey = "__metadata__";

/// One tensor of a header; `begin` and `end` count bytes from the start of the data.
struct TensorEntry {
  std::string name;
  Dtype dtype{};
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  ///< in the order of their data
  std::map<std::string, std::string> metadata;
};

/// Parses a safetensors header, the JSON text between the length and the data, and checks all that the format
/// demands: names once, known dtypes, shapes that fit their bytes, bytes that fill `data_size` without
/// overlap or gap. Memory is bounded whatever the text says: at most 200,000 tensors, 16 MiB of names and
/// metadata. Throws Error(InvalidFile | Unsupported) that names `path` and every problem found, up to ten.
SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::filesystem::path& path);

}  // namespace bsbr
