#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bsbr {

/// Reads the folder's config.json, as Python reads it. `warnings` as read_python_json() takes them. Throws
/// Error(NotFound | Io | InvalidFile) where there is none that can be read, and Error(Unsupported) if it says
/// that the weights are quantised, or that the model is of a kind that cannot be opened
/// (refuse_quantised_config(), refuse_other_model()).
nlohmann::json read_folder_config(const std::filesystem::path& folder, std::vector<std::string>& warnings);

}  // namespace bsbr
