#include "engine/checkpoint/gguf_file.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/checkpoint/gguf_names.h"
#include "engine/checkpoint/part_name.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

using Parts = std::vector<std::unique_ptr<GgufPart>>;

// Keys that llama-gguf-split writes into every part.
constexpr std::string_view kNumberKey = "split.no";  // from 0
constexpr std::string_view kCountKey = "split.count";
constexpr std::string_view kTensorsKey = "split.tensors.count";  // of all parts

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what,
                       ErrorKind kind = ErrorKind::InvalidFile) {
  throw Error(kind, cat(path.string(), ": ", what));
}

std::int64_t value_or(const GgufPart& part, std::string_view key, std::int64_t fallback) {
  const auto* const value = gguf_value<std::int64_t>(part.metadata, key, part.path);
  return value == nullptr ? fallback : *value;
}

/// Throws unless `part` is the one that `name` says.
void check_number(const GgufPart& part, const PartName& name) {
  const std::int64_t number = value_or(part, kNumberKey, 0) + 1;
  const std::int64_t count = value_or(part, kCountKey, 1);
  if (number == name.number && count == name.count) return;
  fail(part.path, cat("its metadata says that it is part ", number, " of ", count,
                      ", but its name says another; the parts were renamed or belong to different models, "
                      "download all of them again"));
}

/// What the name of a part of a split model says.
PartName name_of(const GgufPart& part, std::int64_t count) {
  if (const auto name = parse_part_name(part.path.filename().string(), kGgufEnding)) return *name;
  fail(part.path,
       cat("is one of the ", count,
           " files of a split model, but its name does not end as in -00001-of-00003.gguf, by which the "
           "others are found; give the files their own names again"),
       ErrorKind::Unsupported);
}

void check_all_there(const std::filesystem::path& folder, const PartName& name) {
  std::vector<std::string> missing;
  for (std::uint32_t i = 1; i <= name.count; ++i) {
    std::string file = part_name({name.stem, i, name.count}, kGgufEnding);
    if (!leads_somewhere(folder / file)) missing.push_back(std::move(file));
  }
  if (missing.empty()) return;
  fail(folder,
       cat("lacks ", missing.size(), " of the ", name.count, " parts of the model ", name.stem, ": ",
           list_names(missing, 5), "; get all of them into this folder"),
       ErrorKind::NotFound);
}

Parts open_parts(std::unique_ptr<GgufPart> first) {
  Parts parts;
  const std::int64_t count = value_or(*first, kCountKey, 1);
  if (count <= 1) {
    parts.push_back(std::move(first));
    return parts;
  }
  const PartName name = name_of(*first, count);
  check_number(*first, name);
  const std::filesystem::path folder = first->path.parent_path();
  check_all_there(folder, name);
  for (std::uint32_t i = 1; i <= name.count; ++i) {
    const PartName other{name.stem, i, name.count};
    parts.push_back(i == name.number ? std::move(first)
                                     : std::make_unique<GgufPart>(folder / part_name(other, kGgufEnding)));
    check_number(*parts.back(), other);
  }
  return parts;
}

}  // namespace

GgufFile::GgufFile(Parts parts) : parts_(std::move(parts)) {
  std::size_t count = 0;
  for (const auto& part : parts_) count += part->tensors.size();
  if (count > kMaxGgufTensors)
    fail(path(), cat("its parts have ", count, " tensors; at most ", kMaxGgufTensors, " are expected"));
  const auto stated = value_or(*parts_.front(), kTensorsKey, static_cast<std::int64_t>(count));
  if (parts_.size() > 1 && std::cmp_not_equal(stated, count)) {
    fail(path(), cat("says that the ", parts_.size(), " parts have ", stated, " tensors, but they have ",
                     count, "; download all of them again"));
  }
  tensors_.reserve(count);
  for (const auto& part : parts_) {
    for (GgufTensor& tensor : part->tensors) {
      tensors_.push_back(std::move(tensor));
      if (!by_name_.emplace(tensors_.back().name, &tensors_.back()).second)
        fail(part->path, cat("tensor ", in_quotes(tensors_.back().name), ": an earlier part has it too"));
    }
    part->tensors = {};
  }
}

std::shared_ptr<const GgufFile> GgufFile::open(const std::filesystem::path& path) {
  return std::shared_ptr<const GgufFile>(new GgufFile(open_parts(std::make_unique<GgufPart>(path))));
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

}  // namespace bsbr
