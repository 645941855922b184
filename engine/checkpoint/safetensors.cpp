#include "engine/checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "engine/checkpoint/foreign_format.h"
#include "engine/checkpoint/mapped_file.h"
#include "engine/checkpoint/safetensors_header.h"

namespace bsbr {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::size_t kPreamble = 8;  // the header's length

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorKind::InvalidFile, path.string() + ": " + what);
}

/// The header's text; checks its length against the file.
std::string_view header_text(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  if (bytes.empty()) fail(path, "is empty (0 bytes); download or save it again");
  std::uint64_t length = 0;
  const bool whole = bytes.size() >= kPreamble;
  if (whole) std::memcpy(&length, bytes.data(), kPreamble);
  const bool plausible = whole && length > 0 && length <= kMaxSafetensorsHeader &&
                         length <= bytes.size() - kPreamble && bytes[kPreamble] == std::byte{'{'};
  if (!plausible) refuse_foreign_format(bytes, path);
  if (!whole) {
    fail(path, cat("is only ", bytes.size(), " bytes long, less than the ", kPreamble,
                   " that a safetensors file begins with; download or save it again"));
  }
  if (length > kMaxSafetensorsHeader) {
    fail(path, cat("claims a header of ", length, " bytes; the format allows ", kMaxSafetensorsHeader,
                   ". This is not a safetensors file, or it is damaged"));
  }
  if (length > bytes.size() - kPreamble) {
    fail(path, cat("claims a header of ", length, " bytes, but only ", bytes.size() - kPreamble,
                   " follow; it was probably cut off, download it again"));
  }
  if (length == 0) fail(path, "has an empty header; download or save it again");
  return {reinterpret_cast<const char*>(bytes.data()) + kPreamble, static_cast<std::size_t>(length)};
}

}  // namespace

struct SafetensorsFile::Content {
  explicit Content(const std::filesystem::path& where) : path(where), file(where) {}

  std::filesystem::path path;
  MappedFile file;
  std::vector<TensorView> tensors;
  std::vector<std::size_t> by_name;  // indices into tensors, sorted by name
  std::map<std::string, std::string> metadata;
};

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  auto content = std::make_shared<Content>(path);
  const std::span<const std::byte> bytes = content->file.bytes();
  const std::string_view text = header_text(bytes, path);
  const std::span<const std::byte> data = bytes.subspan(kPreamble + text.size());
  SafetensorsHeader header = parse_safetensors_header(text, data.size(), path);

  content->metadata = std::move(header.metadata);
  content->tensors.reserve(header.tensors.size());
  for (TensorEntry& entry : header.tensors) {
    content->tensors.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape),
                                data.subspan(entry.begin, entry.end - entry.begin)});
  }
  content->by_name.resize(content->tensors.size());
  std::iota(content->by_name.begin(), content->by_name.end(), std::size_t{0});
  std::ranges::sort(content->by_name, {},
                    [&](std::size_t i) -> std::string_view { return content->tensors[i].name; });
  return SafetensorsFile(std::move(content));
}

const std::vector<TensorView>& SafetensorsFile::tensors() const {
  return content_->tensors;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto name_of = [&](std::size_t i) -> std::string_view { return content_->tensors[i].name; };
  const auto at = std::ranges::lower_bound(content_->by_name, name, {}, name_of);
  if (at == content_->by_name.end() || name_of(*at) != name) return nullptr;
  return &content_->tensors[*at];
}

const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return content_->metadata;
}

const std::filesystem::path& SafetensorsFile::path() const {
  return content_->path;
}

}  // namespace bsbr
