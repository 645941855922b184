#include "engine/checkpoint/hub_snapshot.h"

#include <algorithm>
#include <system_error>

#include "engine/checkpoint/gguf_names.h"
#include "engine/checkpoint/part_name.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/shard_index.h"
#include "engine/checkpoint/weight_files.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> dangling_links(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!leads_somewhere(at->path())) names.push_back(at->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

/// In and below the folder; sorted.
std::vector<std::string> gguf_files(const fs::path& snapshot) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(snapshot, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == kGgufEnding)
      files.push_back(at->path().lexically_relative(snapshot).string());
  }
  std::ranges::sort(files);
  return files;
}

/// Those of a GGUF model's files that are not there: `file`, or parts of the split model that it is of.
std::vector<std::string> missing_parts(const fs::path& snapshot, const std::string& file) {
  const PartName part = parse_part_name(file, kGgufEnding).value_or(PartName{{}, 1, 1});
  std::vector<std::string> missing;
  for (std::uint32_t i = 1; i <= part.count; ++i) {
    const std::string name = part.stem.empty() ? file : part_name({part.stem, i, part.count}, kGgufEnding);
    if (!leads_somewhere(snapshot / name)) missing.push_back(name);
  }
  return missing;
}

}  // namespace

std::vector<std::string> lone_gguf_files(const fs::path& snapshot) {
  if (has_entry(snapshot / kConfigFile) || find_weight_files(snapshot).readable()) return {};
  return gguf_files(snapshot);
}

std::string chosen_gguf(const fs::path& snapshot, const HubName& name) {
  if (name.quantisation.empty()) return name.file;
  return choose_quantisation(group_gguf_files(gguf_files(snapshot)), name.quantisation, snapshot.string())
      .front();
}

std::vector<std::string> missing_files(const fs::path& snapshot, const std::string& file) {
  if (!file.empty()) return missing_parts(snapshot, file);
  std::vector<std::string> missing = dangling_links(snapshot);
  if (const auto models = group_gguf_files(lone_gguf_files(snapshot)); !models.empty()) {
    if (models.size() > 1) return missing;
    for (std::string& name : missing_parts(snapshot, models.front().front())) {
      if (std::ranges::find(missing, name) == missing.end()) missing.push_back(std::move(name));
    }
    return missing;
  }
  const auto note = [&](std::string_view name) {
    if (std::ranges::find(missing, name) == missing.end()) missing.emplace_back(name);
  };
  if (!leads_somewhere(snapshot / kConfigFile)) note(kConfigFile);
  const WeightFiles weights = find_weight_files(snapshot);
  if (weights.none()) note(kSingleFile);
  if (const auto index = weights.chosen_index(); !index.empty() && leads_somewhere(snapshot / index)) {
    std::vector<std::string> told_when_opened;
    const ShardIndex list = read_shard_index(snapshot / index, told_when_opened);
    for (const std::string& shard : missing_shards(list, snapshot)) note(shard);
  }
  return missing;
}

bool may_lack_tokenizer(const fs::path& snapshot) {
  if (!lone_gguf_files(snapshot).empty()) return false;
  for (const char* name : {"tokenizer.json", "vocab.json", "tokenizer.model"}) {
    if (leads_somewhere(snapshot / name)) return false;
  }
  const fs::path repository = snapshot.parent_path().parent_path();
  return !leads_somewhere(repository / ".no_exist" / snapshot.filename() / "tokenizer.json");
}

std::uint64_t snapshot_bytes(const fs::path& snapshot) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(snapshot, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (const bool file = at->is_regular_file(ignored); !file || ignored) continue;
    if (const auto size = at->file_size(ignored); !ignored) bytes += size;
  }
  return bytes;
}

}  // namespace bsbr
