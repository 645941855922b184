#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

inline constexpr std::string_view kConfigFile = "config.json";
inline constexpr std::string_view kSingleFile = "model.safetensors";
inline constexpr std::string_view kIndexFile = "model.safetensors.index.json";

/// What a folder offers to load weights from, by name alone; dangling links count as there.
struct WeightFiles {
  bool single = false;                         ///< model.safetensors
  bool index = false;                          ///< model.safetensors.index.json
  std::vector<std::string> other_safetensors;  ///< *.safetensors of other names, sorted
  std::vector<std::string> foreign;            ///< weights in other formats, sorted
  [[nodiscard]] bool none() const {
    return !single && !index && other_safetensors.empty() && foreign.empty();
  }
};

/// Throws Error(NotFound | Io) if the folder cannot be listed.
WeightFiles find_weight_files(const std::filesystem::path& folder);

}  // namespace bsbr
