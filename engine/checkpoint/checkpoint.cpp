#include "engine/checkpoint/checkpoint.h"

#include <sys/stat.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "engine/base/json_file.h"
#include "engine/checkpoint/foreign_format.h"
#include "engine/checkpoint/gguf_checkpoint.h"
#include "engine/checkpoint/hub_cache.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/weight_files.h"
#include "engine/checkpoint/weight_shards.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxConfigBytes = 2u << 20;
constexpr std::string_view kGgufEnding = ".gguf";

/// Absolute, without a trailing slash; links stay as they are.
fs::path absolute_folder(const fs::path& path) {
  std::error_code error;
  fs::path folder = fs::absolute(path, error);
  if (error) throw_path_error(path, error.value());
  if (!folder.has_filename()) folder = folder.parent_path();
  if (folder.filename() == "." || folder.filename() == "..") folder = fs::canonical(folder, error);
  if (error) throw_path_error(path, error.value());
  return folder;
}

struct Place {
  fs::path folder;
  std::string name;
  fs::path gguf;  // empty if a folder is meant
};

/// The folder or GGUF file that a person means by `text`.
Place resolve(const std::string& text) {
  if (text.empty()) {
    throw Error(ErrorKind::InvalidArgument,
                "the checkpoint's name is empty; give a folder or the name of a model");
  }
  if (text.find('\0') != std::string::npos) {
    throw Error(ErrorKind::InvalidArgument, in_quotes(text) + ": a path cannot contain a zero byte");
  }
  const fs::path path = text;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    const int code = errno;
    const std::optional<HubName> name = parse_hub_name(text);
    if (code != ENOENT || has_entry(path) || !name) {
      if (code == ENOENT && !has_entry(path)) {
        throw Error(ErrorKind::NotFound,
                    text +
                        ": there is no such folder; give a checkpoint's folder, or the name of "
                        "a model on the HuggingFace hub, as in \"gpt2\" or \"org/name\"");
      }
      throw_path_error(path, code);
    }
    const fs::path snapshot = find_hub_snapshot(text);
    return {snapshot, text, name->file.empty() ? fs::path() : snapshot / name->file};
  }
  if (S_ISDIR(info.st_mode)) {
    fs::path folder = absolute_folder(path);
    std::string name = folder.filename().string();
    return {std::move(folder), std::move(name), {}};
  }
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorKind::InvalidFile, text + ": is neither a folder nor a regular file");
  const fs::path file = absolute_folder(path);
  if (file.extension() == kGgufEnding) return {file.parent_path(), file.stem().string(), file};
  if (file.filename() == kPublishedBsbr) refuse_foreign_weights(file.parent_path(), {file.filename()});
  throw Error(ErrorKind::InvalidArgument,
              cat(text,
                  ": is a file, but a checkpoint is a folder with config.json and model.safetensors or "
                  "pytorch_model.bin, or a file *.gguf; give ",
                  file.parent_path().string(), " instead"));
}

/// The folder's only GGUF file, if that is what it offers.
fs::path lone_gguf(const fs::path& folder, const WeightFiles& files) {
  if (files.single || files.index || has_entry(folder / kConfigFile)) return {};
  std::vector<std::string> names;
  for (const std::string& name : files.foreign) {
    if (fs::path(name).extension() == kGgufEnding) names.push_back(name);
  }
  if (names.empty()) return {};
  if (names.size() == 1) return folder / names.front();
  throw Error(ErrorKind::InvalidArgument,
              cat(folder.string(), ": holds ", names.size(), " GGUF files: ", list_names(names, 5),
                  "; give one of them, as in ", (folder / names.front()).string()));
}

[[noreturn]] void refuse_weightless(const fs::path& folder, const WeightFiles& files) {
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

nlohmann::json read_config(const fs::path& folder) {
  const fs::path path = folder / kConfigFile;
  if (!has_entry(path)) {
    throw Error(ErrorKind::NotFound, cat(folder.string(),
                                         ": has weights, but no config.json, without which they mean "
                                         "nothing; copy it from where the weights come from"));
  }
  require_file(path);
  return read_json_object(path, kMaxConfigBytes);
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
  std::map<std::string, std::string> shared_names;
  std::vector<std::string> warnings;

  void read_gguf(const fs::path& path, const Job& job) {
    gguf = GgufFile::open(path);
    GgufModel model = read_gguf_model(*gguf, job);
    config = std::move(model.config);
    buffers = std::move(model.buffers);
    tensors = std::move(model.tensors);
  }
  void read_folder(const WeightFiles& weights, const Job& job);
  [[nodiscard]] const TensorView* find(std::string_view wanted) const;
  void find_shared_names();
};

void Checkpoint::Content::read_folder(const WeightFiles& weights, const Job& job) {
  if (!weights.readable()) refuse_weightless(folder, weights);
  config = read_config(folder);
  shards = open_weights(folder, weights, job);
  for (const WeightShard& shard : shards)
    tensors.insert(tensors.end(), shard.tensors.begin(), shard.tensors.end());
}

const TensorView* Checkpoint::Content::find(std::string_view wanted) const {
  const auto at = std::ranges::lower_bound(tensors, wanted, {},
                                           [](const TensorView& t) -> std::string_view { return t.name; });
  return at == tensors.end() || at->name != wanted ? nullptr : &*at;
}

void Checkpoint::Content::find_shared_names() {
  for (const WeightShard& shard : shards) {
    if (shard.metadata == nullptr) continue;
    for (const auto& [dropped, kept] : *shard.metadata) {
      if (find(dropped) == nullptr && find(kept) != nullptr) shared_names.emplace(dropped, kept);
    }
  }
}

Checkpoint Checkpoint::open(const std::string& path_or_name, const Job& job) {
  auto content = std::make_shared<Content>();
  Place place = resolve(path_or_name);
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
  return content_->gguf != nullptr ? 1 : content_->shards.size();
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
