#include "engine/checkpoint/weight_shards.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/shard_index.h"
#include "engine/checkpoint/torch_file.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

template <class File>
WeightShard shard_of(File file) {
  auto kept = std::make_shared<const File>(std::move(file));
  WeightShard shard{kept->path(), kept->tensors(), kept};
  if constexpr (std::is_same_v<File, SafetensorsFile>) shard.metadata = &kept->metadata();
  return shard;
}

std::vector<WeightShard> open_shards(const fs::path& path, const ShardIndex& index, bool torch,
                                     const Job& job) {
  const fs::path folder = path.parent_path();
  if (const auto missing = missing_shards(index, folder); !missing.empty()) {
    throw Error(ErrorKind::InvalidFile,
                cat(path.string(), ": names ", missing.size(), " of ", index.shards.size(),
                    " shards that are not in the folder: ", list_names(missing), "; download them again"));
  }
  std::vector<WeightShard> shards;
  shards.reserve(index.shards.size());
  for (const std::string& name : index.shards) {
    shards.push_back(torch ? shard_of(TorchFile::open(folder / name, job))
                           : shard_of(SafetensorsFile::open(folder / name)));
  }
  return shards;
}

/// Throws if a tensor is in two shards or in another than the index says; warns of what the index leaves out,
/// and of what no shard has.
void check_index(const fs::path& path, const ShardIndex& index, const std::vector<WeightShard>& shards,
                 std::vector<std::string>& warnings) {
  constexpr std::size_t kMostNamed = 5;
  Problems problems(path);
  std::vector<std::string> unnamed, absent;
  std::map<std::string_view, std::string> holder;
  for (const WeightShard& file : shards) {
    const std::string shard = file.path.filename().string();
    for (const TensorView& tensor : file.tensors) {
      const auto [other, first] = holder.emplace(tensor.name, shard);
      const auto said = index.shard_of.find(tensor.name);
      if (!first) {
        problems.add(cat("tensor ", in_quotes(tensor.name), " is in both ", other->second, " and ", shard));
      } else if (said == index.shard_of.end()) {
        unnamed.push_back(tensor.name);
      } else if (said->second != shard) {
        problems.add(cat("tensor ", in_quotes(tensor.name), " is in ", shard, ", but the index puts it in ",
                         said->second));
      }
    }
  }
  for (const auto& [tensor, shard] : index.shard_of) {
    if (!holder.contains(tensor)) absent.push_back(tensor);
  }
  if (!unnamed.empty()) {
    warnings.push_back(cat(path.string(), ": leaves out tensors that the shards have, ",
                           list_quoted(unnamed, kMostNamed), "; they are used"));
  }
  if (!absent.empty()) {
    warnings.push_back(
        cat(path.string(), ": names tensors that no shard has, ", list_quoted(absent, kMostNamed)));
  }
  problems.throw_if_any("index and shards do not belong together; download all of them again");
}

void refuse_empty_tensors(const WeightShard& file) {
  Problems problems(file.path);
  for (const TensorView& tensor : file.tensors) {
    if (std::ranges::find(tensor.shape, 0) == tensor.shape.end()) continue;
    problems.add(cat("tensor ", in_quotes(tensor.name), " has a dimension of zero, and so no values"));
  }
  problems.throw_if_any("no model has such weights; save the checkpoint again");
}

}  // namespace

std::vector<WeightShard> open_weights(const fs::path& folder, const WeightFiles& weights, const Job& job,
                                      std::vector<std::string>& warnings) {
  std::vector<WeightShard> shards;
  if (const std::string_view name = weights.chosen_index(); !name.empty()) {
    const ShardIndex index = read_shard_index(folder / name, warnings);
    shards = open_shards(folder / name, index, name == kTorchIndexFile, job);
    check_index(folder / name, index, shards, warnings);
  } else if (weights.single) {
    shards.push_back(shard_of(SafetensorsFile::open(folder / kSingleFile)));
  } else {
    shards.push_back(shard_of(TorchFile::open(folder / kTorchFile, job)));
  }
  bool any = false;
  for (const WeightShard& file : shards) {
    refuse_empty_tensors(file);
    any = any || !file.tensors.empty();
  }
  if (!any) throw Error(ErrorKind::InvalidFile, cat(shards.front().path.string(), ": holds no tensors"));
  return shards;
}

}  // namespace bsbr
