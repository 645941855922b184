#include "engine/checkpoint/checkpoint_place.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>

#include "engine/checkpoint/folder_kind.h"
#include "engine/checkpoint/foreign_format.h"
#include "engine/checkpoint/gguf_names.h"
#include "engine/checkpoint/hub_address.h"
#include "engine/checkpoint/hub_cache.h"
#include "engine/checkpoint/hub_snapshot.h"
#include "engine/checkpoint/mapped_file.h"
#include "engine/checkpoint/part_name.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

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

CheckpointPlace place_on_hub(const HubName& name) {
  const fs::path snapshot = find_hub_snapshot(name.text());
  const std::string file = chosen_gguf(snapshot, name);
  return {snapshot, name.text(), file.empty() ? fs::path() : snapshot / file};
}

/// No path of that name exists, so it is a model's, or there is no such thing.
CheckpointPlace place_by_name(const std::string& text, int code) {
  const bool dangling = has_entry(text);
  if (code == ENOENT && !dangling) {
    if (const auto name = parse_hub_name(text)) return place_on_hub(*name);
    if (const auto address = parse_hub_address(text))
      throw Error(ErrorKind::InvalidArgument, cat(text, ": this address ", address->problem));
    throw Error(ErrorKind::NotFound,
                text +
                    ": there is no such folder; give a checkpoint's folder, or the name of a model on the "
                    "HuggingFace hub, as in \"gpt2\" or \"org/name\"");
  }
  throw_path_error(text, code);
}

CheckpointPlace place_of_file(const std::string& text, const fs::path& file) {
  if (file.extension() == kGgufEnding) {
    const auto part = parse_part_name(file.filename().string(), kGgufEnding);
    return {file.parent_path(), part ? part->stem : file.stem().string(), file};
  }
  if (file.filename() == kPublishedBsbr) refuse_foreign_weights(file.parent_path(), {file.filename()});
  refuse_misnamed(MappedFile(file).bytes(), file);
  refuse_other_file(file);
  throw Error(ErrorKind::InvalidArgument,
              cat(text,
                  ": is a file, but a checkpoint is a folder with config.json and model.safetensors or "
                  "pytorch_model.bin, or a file *.gguf; give ",
                  file.parent_path().string(), " instead"));
}

}  // namespace

std::string without_pasted_marks(const std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  constexpr std::string_view kFileScheme = "file://";
  if (text.find('\0') != std::string::npos || has_entry(text)) return text;
  std::string_view bare = text;
  bare.remove_prefix(std::min(bare.find_first_not_of(kBlanks), bare.size()));
  bare = bare.substr(0, bare.find_last_not_of(kBlanks) + 1);
  for (const char quote : {'"', '\''}) {
    if (bare.size() > 2 && bare.front() == quote && bare.back() == quote)
      bare = bare.substr(1, bare.size() - 2);
  }
  if (!bare.starts_with(kFileScheme)) return std::string(bare);
  bare.remove_prefix(kFileScheme.size());
  return percent_decoded(bare.substr(std::min(bare.find('/'), bare.size())));
}

CheckpointPlace find_checkpoint(const std::string& given) {
  const std::string text = without_pasted_marks(given);
  if (text.empty()) {
    throw Error(ErrorKind::InvalidArgument,
                "the checkpoint's name is empty; give a folder or the name of a model");
  }
  if (text.find('\0') != std::string::npos) {
    throw Error(ErrorKind::InvalidArgument, in_quotes(text) + ": a path cannot contain a zero byte");
  }
  const fs::path path = text;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return place_by_name(text, errno);
  if (S_ISDIR(info.st_mode)) {
    fs::path folder = absolute_folder(path);
    std::string name = folder.filename().string();
    return {std::move(folder), std::move(name), {}};
  }
  if (!S_ISREG(info.st_mode))
    throw Error(ErrorKind::InvalidFile, text + ": is neither a folder nor a regular file");
  return place_of_file(text, absolute_folder(path));
}

}  // namespace bsbr
