#include "engine/checkpoint/shard_index.h"

#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/json_file.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

constexpr std::uint64_t kMaxBytes = 4u << 20;
constexpr std::size_t kMaxShards = 10'000;
constexpr std::size_t kMaxName = 255;

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

ShardIndex read_shard_index(const std::filesystem::path& path, std::vector<std::string>& warnings) {
  require_file(path);
  const nlohmann::json json = read_python_json(path, kMaxBytes, warnings);
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::InvalidFile, cat(path.string(), ": ", what));
  };
  const auto map = json.find("weight_map");
  if (map == json.end()) fail("has no weight_map, the table of tensor names and shard files");
  if (!map->is_object()) fail(cat("its weight_map is ", map->type_name(), ", not an object {…}"));
  if (map->empty()) fail("its weight_map names no tensor");

  ShardIndex index;
  std::set<std::string> shards;
  Problems problems(path);
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string()) {
      problems.add(cat("weight_map: the shard of tensor ", in_quotes(tensor), " is ", shard.type_name(),
                       ", not a string"));
      continue;
    }
    const auto& name = shard.get_ref<const std::string&>();
    if (!is_plain_file_name(name)) {
      problems.add(cat("weight_map: the shard ", in_quotes(name), " of tensor ", in_quotes(tensor),
                       " is not a plain file name; shards must lie in the folder of the index"));
      continue;
    }
    shards.insert(name);
    index.shard_of.emplace(tensor, name);
  }
  problems.throw_if_any();
  if (shards.size() > kMaxShards)
    fail(cat("names ", shards.size(), " shards; at most ", kMaxShards, " are expected"));
  index.shards.assign(shards.begin(), shards.end());
  return index;
}

std::vector<std::string> missing_shards(const ShardIndex& index, const std::filesystem::path& folder) {
  std::vector<std::string> missing;
  for (const std::string& shard : index.shards) {
    if (!leads_somewhere(folder / shard)) missing.push_back(shard);
  }
  return missing;
}

}  // namespace bsbr
