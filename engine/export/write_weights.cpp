#include "engine/export/write_weights.h"

#include <algorithm>
#include <iomanip>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/checkpoint/weight_files.h"
#include "engine/export/exported_tensors.h"
#include "engine/export/recast.h"
#include "engine/export/staged_folder.h"

namespace bsbr {
namespace {

using Shard = std::vector<TensorSource>;

std::vector<Shard> divide(std::span<const TensorView> all, std::optional<Dtype> dtype,
                          std::uint64_t shard_bytes) {
  // Widest elements first, so that every tensor begins at a multiple of its element's size.
  std::vector<TensorView> tensors(all.begin(), all.end());
  const auto width = [&](const TensorView& tensor) { return size_of(recast_type(tensor.dtype, dtype)); };
  std::stable_sort(tensors.begin(), tensors.end(),
                   [&](const TensorView& a, const TensorView& b) { return width(a) > width(b); });
  std::vector<Shard> shards(1);
  // The tensor that is being written: one piece of one tensor is in memory.
  const auto current = std::make_shared<std::optional<Recast>>();
  std::uint64_t held = 0;
  for (const TensorView& tensor : tensors) {
    const std::uint64_t bytes = Recast(tensor, dtype).bytes();
    if (!shards.back().empty() && held + bytes > shard_bytes) {
      shards.emplace_back();
      held = 0;
    }
    held += bytes;
    shards.back().push_back({tensor.name, recast_type(tensor.dtype, dtype), tensor.shape,
                             [=](std::uint64_t at, std::uint64_t size) {
                               if (at == 0) current->emplace(tensor, dtype);
                               return (*current)->read(at, size);
                             }});
  }
  return shards;
}

std::string shard_name(std::size_t index, std::size_t count) {
  std::ostringstream name;
  name << "model-" << std::setfill('0') << std::setw(5) << index + 1 << "-of-" << std::setw(5) << count
       << ".safetensors";
  return name.str();
}

}  // namespace

void write_weights(std::span<const TensorView> tensors, const std::filesystem::path& folder,
                   std::optional<Dtype> dtype, std::uint64_t shard_bytes, const Job& job) {
  const std::vector<Shard> shards = divide(tensors, dtype, shard_bytes);
  nlohmann::json index{{"metadata", {{"total_size", written_bytes(tensors, dtype)}}},
                       {"weight_map", nlohmann::json::object()}};
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shards.size() == 1 ? std::string(kSingleFile) : shard_name(i, shards.size());
    stream_safetensors(folder / name, shards[i], {{"format", "pt"}}, job);
    for (const TensorSource& tensor : shards[i]) index["weight_map"][tensor.name] = name;
  }
  if (shards.size() > 1) write_text_file(folder / kIndexFile, index.dump(2) + "\n");
}

}  // namespace bsbr
