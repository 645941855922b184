#include "engine/checkpoint/checkpoint.h"

#include <algorithm>

#include "engine/checkpoint/checkpoint_place.h"
#include "engine/checkpoint/folder_config.h"
#include "engine/checkpoint/folder_kind.h"
#include "engine/checkpoint/foreign_format.h"
#include "engine/checkpoint/gguf_checkpoint.h"
#include "engine/checkpoint/gguf_names.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/quantised.h"
#include "engine/checkpoint/weight_files.h"
#include "engine/checkpoint/weight_shards.h"
#include "engine/checkpoint/wrapper_prefix.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

/// The file of the folder's only GGUF model, the first one of a split model, if that is what it offers.
fs::path lone_gguf(const fs::path& folder, const WeightFiles& files) {
  if (files.single || files.index || has_entry(folder / kConfigFile)) return {};
  std::vector<std::string> names;
  for (const std::string& name : files.foreign) {
    if (name.ends_with(kGgufEnding)) names.push_back(name);
  }
  if (names.empty()) return {};
  const std::vector<std::string> models = first_files(group_gguf_files(names));
  if (models.size() == 1) return folder / models.front();
  throw Error(ErrorKind::InvalidArgument,
              cat(folder.string(), ": holds ", models.size(), " GGUF files: ", list_names(models, 5),
                  "; give one of them, as in ", (folder / models.front()).string()));
}

[[noreturn]] void refuse_weightless(const fs::path& folder, const WeightFiles& files) {
  refuse_other_folder(folder);
  if (!files.foreign.empty()) refuse_foreign_weights(folder, files.foreign);
  const bool config = has_entry(folder / kConfigFile);
  std::string what = config ? "is incomplete: it has config.json, but neither model.safetensors nor "
                              "model.safetensors.index.json, nor pytorch_model.bin"
                            : "is not a checkpoint: it has neither config.json nor model.safetensors";
  if (!files.other_safetensors.empty()) {
    what += cat("; it has ", list_names(files.other_safetensors, 5),
                ", which must be named model.safetensors, or "
                "be named in an index");
  }
  throw Error(ErrorKind::NotFound, cat(folder.string(), ": ", what));
}

}  // namespace

struct Checkpoint::Content {
  fs::path folder;
  std::string name;
  nlohmann::json config;
  std::vector<WeightShard> shards;
  std::shared_ptr<const GgufFile> gguf;
  std::vector<std::unique_ptr<float[]>> buffers;
  std::vector<TensorView> tensors;
  std::uint64_t tensor_bytes = 0;
  std::string prefix;  // taken off the names of all tensors
  std::map<std::string, std::string> shared_names;
  std::vector<std::string> warnings;

  void read_gguf(const fs::path& path, const Job& job) {
    gguf = GgufFile::open(path);
    GgufModel model = read_gguf_model(*gguf, job);
    config = std::move(model.config);
    warnings = std::move(model.warnings);
    buffers = std::move(model.buffers);
    tensors = std::move(model.tensors);
  }
  void read_folder(const WeightFiles& weights, const Job& job);
  [[nodiscard]] const TensorView* find(std::string_view wanted) const;
  void find_shared_names();
};

void Checkpoint::Content::read_folder(const WeightFiles& weights, const Job& job) {
  if (!weights.readable()) refuse_weightless(folder, weights);
  config = read_folder_config(folder, warnings);
  shards = open_weights(folder, weights, job, warnings);
  for (const WeightShard& shard : shards)
    tensors.insert(tensors.end(), shard.tensors.begin(), shard.tensors.end());
  refuse_quantised_tensors(folder, tensors);
  prefix = strip_wrapper_prefixes(tensors);
  if (prefix.empty()) return;
  warnings.push_back(cat(folder.string(), ": the names of all tensors begin with ", in_quotes(prefix),
                         ", which a wrapper of the model left there; it is taken off"));
}

const TensorView* Checkpoint::Content::find(std::string_view wanted) const {
  const auto at = std::ranges::lower_bound(tensors, wanted, {},
                                           [](const TensorView& t) -> std::string_view { return t.name; });
  return at == tensors.end() || at->name != wanted ? nullptr : &*at;
}

void Checkpoint::Content::find_shared_names() {
  const auto plain = [&](const std::string& of) {
    return of.starts_with(prefix) ? of.substr(prefix.size()) : of;
  };
  for (const WeightShard& shard : shards) {
    if (shard.metadata == nullptr) continue;
    for (const auto& [dropped, kept] : *shard.metadata) {
      if (find(plain(dropped)) == nullptr && find(plain(kept)) != nullptr)
        shared_names.emplace(plain(dropped), plain(kept));
    }
  }
}

Checkpoint Checkpoint::open(const std::string& path_or_name, const Job& job) {
  auto content = std::make_shared<Content>();
  CheckpointPlace place = find_checkpoint(path_or_name);
  content->folder = std::move(place.folder);
  content->name = std::move(place.name);
  WeightFiles weights;
  if (place.gguf.empty()) {
    weights = find_weight_files(content->folder);
    place.gguf = lone_gguf(content->folder, weights);
  }
  if (place.gguf.empty()) {
    content->read_folder(weights, job);
  } else {
    content->read_gguf(place.gguf, job);
  }
  std::ranges::sort(content->tensors, {}, &TensorView::name);
  content->find_shared_names();
  for (const TensorView& tensor : content->tensors) content->tensor_bytes += tensor.bytes.size();
  return Checkpoint(std::move(content));
}

const fs::path& Checkpoint::folder() const {
  return content_->folder;
}
const std::string& Checkpoint::name() const {
  return content_->name;
}
const nlohmann::json& Checkpoint::config() const {
  return content_->config;
}
const std::vector<TensorView>& Checkpoint::tensors() const {
  return content_->tensors;
}
std::uint64_t Checkpoint::tensor_bytes() const {
  return content_->tensor_bytes;
}
std::size_t Checkpoint::shard_count() const {
  return content_->gguf != nullptr ? content_->gguf->part_count() : content_->shards.size();
}
std::shared_ptr<const GgufFile> Checkpoint::gguf() const {
  return content_->gguf;
}

const std::map<std::string, std::string>& Checkpoint::shared_names() const {
  return content_->shared_names;
}
const std::vector<std::string>& Checkpoint::warnings() const {
  return content_->warnings;
}
const TensorView* Checkpoint::find(std::string_view name) const {
  return content_->find(name);
}

}  // namespace bsbr
