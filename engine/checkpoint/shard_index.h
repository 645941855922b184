#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bsbr {

/// model.safetensors.index.json or pytorch_model.bin.index.json: which file of the folder holds which tensor.
struct ShardIndex {
  std::map<std::string, std::string, std::less<>> shard_of;  ///< tensor name to file name; never empty
  std::vector<std::string> shards;                           ///< distinct file names, sorted
};

/// Reads the index and checks that every shard is a plain file name, so that no index leads out of its
/// folder. `warnings` as read_python_json() takes them. Throws Error(NotFound | Io | InvalidFile |
/// Unsupported).
ShardIndex read_shard_index(const std::filesystem::path& path, std::vector<std::string>& warnings);

/// Those of the index's shards that `folder` does not hold; dangling links count as missing.
std::vector<std::string> missing_shards(const ShardIndex& index, const std::filesystem::path& folder);

}  // namespace bsbr
