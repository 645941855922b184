#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

inline constexpr std::string_view kConfigFile = "config.json";
inline constexpr std::string_view kSingleFile = "model.safetensors";
inline constexpr std::string_view kIndexFile = "model.safetensors.index.json";
inline constexpr std::string_view kTorchFile = "pytorch_model.bin";
inline constexpr std::string_view kTorchIndexFile = "pytorch_model.bin.index.json";

/// What a folder offers to load weights from, by name alone; dangling links count as there.
struct WeightFiles {
  bool single = false;                         ///< model.safetensors
  bool index = false;                          ///< model.safetensors.index.json
  bool torch_single = false;                   ///< pytorch_model.bin
  bool torch_index = false;                    ///< pytorch_model.bin.index.json
  std::vector<std::string> other_safetensors;  ///< *.safetensors of other names, sorted
  std::vector<std::string> foreign;            ///< weights in other formats, sorted
  /// Whether there is something to open; else it is foreign or incomplete.
  [[nodiscard]] bool readable() const { return single || index || torch_single || torch_index; }
  [[nodiscard]] bool none() const { return !readable() && other_safetensors.empty() && foreign.empty(); }
  /// The index that names the weights' files; empty if one file holds them all, or nothing does. safetensors
  /// go before torch's files, and single files before indices.
  [[nodiscard]] std::string_view chosen_index() const {
    if (single || (torch_single && !index)) return {};
    return index ? kIndexFile : torch_index ? kTorchIndexFile : std::string_view();
  }
};

/// Throws Error(NotFound | Io) if the folder cannot be listed.
WeightFiles find_weight_files(const std::filesystem::path& folder);

}  // namespace bsbr
