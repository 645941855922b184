#include "engine/checkpoint/torch_file.h"

#include <bit>
#include <map>
#include <new>
#include <tuple>

#include "engine/checkpoint/mapped_file.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/safetensors_layout.h"
#include "engine/checkpoint/torch_archive.h"

namespace bsbr {
namespace {

static_assert(std::endian::native == std::endian::little, "torch's files are little-endian");

/// How many times its own size a file's tensors may seem to take by lying in the same storages: a head that
/// is the embedding doubles a file's, shared layers do more.
constexpr std::uint64_t kMostSharing = 16;

/// What makes two tensors the same values.
using Place =
    std::tuple<const std::byte*, Dtype, std::uint64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>;

Place place_of(const TorchEntry& entry) {
  const StridedLayout& layout = entry.tensor.layout;
  return {entry.storage.data(), entry.tensor.dtype, layout.offset, layout.shape, layout.strides};
}

std::uint64_t bytes_of(const TorchEntry& entry) {
  return tensor_bytes(entry.tensor.layout.shape, entry.tensor.dtype).value();
}

[[noreturn]] void refuse_repeats(const std::filesystem::path& path, std::uint64_t file) {
  throw Error(ErrorKind::Unsupported,
              cat(path.string(),
                  ": its tensors repeat values of their storages so often that they are far "
                  "larger than the file's ",
                  file, " bytes; no model's weights do"));
}

/// Throws if the tensors would take more memory than such a file can mean.
void check_amount(const std::vector<TorchEntry>& entries, std::uint64_t file,
                  const std::filesystem::path& path) {
  std::uint64_t all = 0;
  for (const TorchEntry& entry : entries) {
    if (__builtin_add_overflow(all, bytes_of(entry), &all) || all / kMostSharing > file) {
      refuse_repeats(path, file);
    }
  }
}

}  // namespace

struct TorchFile::Content {
  explicit Content(const std::filesystem::path& where) : path(where), file(where) {}

  std::filesystem::path path;
  MappedFile file;
  std::vector<std::unique_ptr<std::byte[]>> buffers;
  std::vector<TensorView> tensors;
  std::uint64_t copied = 0;  // bytes

  void add(TorchEntry& entry, std::map<Place, std::span<const std::byte>>& copies);
};

void TorchFile::Content::add(TorchEntry& entry, std::map<Place, std::span<const std::byte>>& copies) {
  const StridedLayout& layout = entry.tensor.layout;
  const std::size_t element = size_of(entry.tensor.dtype);
  const auto bytes = static_cast<std::size_t>(bytes_of(entry));
  TensorView view{std::move(entry.name), entry.tensor.dtype, layout.shape, {}};
  if (bytes > 0 && is_row_major(layout)) {
    view.bytes = entry.storage.subspan(layout.offset * element, bytes);
  } else if (bytes > 0) {
    const auto [copy, added] = copies.try_emplace(place_of(entry));
    if (added) {
      copied += bytes;
      if (copied > file.bytes().size()) refuse_repeats(path, file.bytes().size());
      buffers.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
      const std::span<std::byte> out(buffers.back().get(), bytes);
      copy_row_major(entry.storage, layout, element, out);
      copy->second = out;
    }
    view.bytes = copy->second;
  }
  tensors.push_back(std::move(view));
}

TorchFile TorchFile::open(const std::filesystem::path& path, const Job& job) {
  auto content = std::make_shared<Content>(path);
  const std::span<const std::byte> file = content->file.bytes();
  try {
    std::vector<TorchEntry> entries = read_torch_archive(file, path);
    check_amount(entries, file.size(), path);
    content->tensors.reserve(entries.size());
    std::map<Place, std::span<const std::byte>> copies;
    for (TorchEntry& entry : entries) {
      job.check();
      content->add(entry, copies);
    }
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::OutOfMemory,
                cat(path.string(), ": there is not the memory for its tensors that must be copied"));
  }
  return TorchFile(std::move(content));
}

const std::vector<TensorView>& TorchFile::tensors() const {
  return content_->tensors;
}

const std::filesystem::path& TorchFile::path() const {
  return content_->path;
}

}  // namespace bsbr
