#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bsbr {

/// What the name of one of several files of a model says: STEM-00002-of-00003ENDING, as llama-gguf-split and
/// transformers give it.
struct PartName {
  std::string stem;                     ///< with the folders before it, if there are any
  std::uint32_t number = 0, count = 0;  ///< number is from 1 to count
};

/// Nothing for other names. `ending`: ".gguf", ".safetensors", ".bin".
std::optional<PartName> parse_part_name(std::string_view file, std::string_view ending);

/// The name that says so.
std::string part_name(const PartName& part, std::string_view ending);

}  // namespace bsbr
