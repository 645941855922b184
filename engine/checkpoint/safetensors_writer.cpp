#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "engine/base/utf8.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/safetensors_header.h"
#include "engine/checkpoint/safetensors_layout.h"

namespace bsbr {
namespace {

constexpr std::uint64_t kPiece = 8u << 20;  // bytes written between two looks at the cancel token
constexpr std::size_t kAlignment = 8;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorKind::InvalidArgument, cat(path.string(), ": cannot write: ", what));
}

/// A file that is removed again unless commit() is reached.
class NewFile {
 public:
  NewFile(const std::filesystem::path& path, std::uint64_t size) : path_(path), size_(size) {
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd_ >= 0) return;
    if (errno == EEXIST)
      refuse(path, "something of that name already exists; remove it or choose another name");
    fail("create", errno);
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  NewFile(NewFile&&) = delete;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!committed_) ::unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) fail("write", done < 0 ? errno : EIO);
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
  }

  /// Flushes content and name to the disk, and keeps the file.
  void commit() {
    if (::fsync(fd_) != 0) fail("flush", errno);
    const int fd = std::exchange(fd_, -1);
    if (::close(fd) != 0) fail("close", errno);
    committed_ = true;
    const int folder_fd = ::open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0) return;  // not readable by us: the file itself is safe
    ::fsync(folder_fd);
    ::close(folder_fd);
  }

 private:
  [[nodiscard]] std::filesystem::path folder() const {
    return path_.has_parent_path() ? path_.parent_path() : ".";
  }

  [[noreturn]] void fail(std::string_view verb, int code) const {
    std::string what = cat(path_.string(), ": cannot ", verb, ": ", system_message(code));
    if (code == ENOSPC || code == EDQUOT) {
      what = cat(path_.string(), ": the disk is full, or your quota is used up; this file needs ", size_,
                 " bytes");
      std::error_code error;
      const auto space = std::filesystem::space(folder(), error);
      if (!error) what += cat(", ", space.available, " more are available");
      what += ". Free some space or choose another disk";
    } else if (code == EFBIG) {
      what = cat(path_.string(), ": this file needs ", size_,
                 " bytes, more than the file system or the user's limit (ulimit -f) allows in one file");
    } else if (code == ENOENT) {
      what = cat(path_.string(), ": cannot ", verb, ": its folder does not exist; make it first");
    }
    throw Error(ErrorKind::Io, what);
  }

  std::filesystem::path path_;
  std::uint64_t size_;
  int fd_ = -1;
  bool committed_ = false;
};

/// A tensor's bytes. Refuses a shape that the format cannot express.
std::uint64_t bytes_of(const std::filesystem::path& path, const TensorSource& tensor) {
  const auto bytes = tensor_bytes(tensor.shape, tensor.dtype);
  if (!bytes) {
    refuse(path, cat("tensor ", in_quotes(tensor.name), " cannot have the shape ", shape_text(tensor.shape),
                     " of ", to_string(tensor.dtype)));
  }
  return *bytes;
}

/// Refuses what the format cannot express, before anything is created.
void check_tensors(const std::filesystem::path& path, std::span<const TensorSource> tensors) {
  std::set<std::string_view> names;
  for (const TensorSource& tensor : tensors) {
    const std::string who = cat("tensor ", in_quotes(tensor.name));
    if (tensor.name == kMetadataKey) refuse(path, who + " has a name that the format reserves");
    if (!is_valid_utf8(tensor.name)) refuse(path, who + ": its name is not valid UTF-8");
    if (!names.insert(tensor.name).second) refuse(path, who + " is given twice");
    (void)bytes_of(path, tensor);
  }
}

/// Length and header: the bytes before the data.
std::string preamble(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                     const std::map<std::string, std::string>& metadata) {
  const auto json_string = [](const std::string& text) { return nlohmann::json(text).dump(); };
  std::string header;
  for (const auto& [key, value] : metadata) {
    if (!is_valid_utf8(key) || !is_valid_utf8(value))
      refuse(path, cat("metadata ", in_quotes(key), " is not valid UTF-8"));
    header += cat(header.empty() ? "{\"__metadata__\":{" : ",", json_string(key), ":", json_string(value));
  }
  if (!metadata.empty()) header += '}';
  std::uint64_t at = 0;
  for (const TensorSource& tensor : tensors) {
    const std::uint64_t end = at + bytes_of(path, tensor);
    header +=
        cat(header.empty() ? "{" : ",", json_string(tensor.name), ":{\"dtype\":\"", to_string(tensor.dtype),
            "\",\"shape\":", nlohmann::json(tensor.shape).dump(), ",\"data_offsets\":[", at, ",", end, "]}");
    at = end;
  }
  header += header.empty() ? "{}" : "}";
  header.append((kAlignment - header.size() % kAlignment) % kAlignment, ' ');
  const std::uint64_t length = header.size();
  if (length > kMaxSafetensorsHeader)
    refuse(path, cat("a header of ", length, " bytes is more than the format allows"));
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header;
}

}  // namespace

void stream_safetensors(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                        const std::map<std::string, std::string>& metadata, const Job& job) {
  check_tensors(path, tensors);
  const std::string head = preamble(path, tensors, metadata);
  std::uint64_t total = head.size();
  for (const TensorSource& tensor : tensors) total += bytes_of(path, tensor);

  const std::string stage = "writing " + path.filename().string();
  job.report(stage, 0.0);
  NewFile file(path, total);
  file.write(std::as_bytes(std::span(head)));
  std::uint64_t done = head.size();
  for (const TensorSource& tensor : tensors) {
    const std::uint64_t bytes = bytes_of(path, tensor);
    for (std::uint64_t at = 0; at < bytes; at += kPiece) {
      const std::uint64_t size = std::min(kPiece, bytes - at);
      job.report(stage, static_cast<double>(done) / static_cast<double>(total));
      file.write(tensor.read(at, size));
      done += size;
    }
  }
  job.check();
  file.commit();
  if (job.progress) job.progress(stage, 1.0);
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata, const Job& job) {
  std::vector<TensorSource> sources;
  sources.reserve(tensors.size());
  for (const TensorView& tensor : tensors) {
    const auto bytes = tensor_bytes(tensor.shape, tensor.dtype);
    if (!bytes || *bytes != tensor.bytes.size()) {
      refuse(path, cat("tensor ", in_quotes(tensor.name), ": its ", tensor.bytes.size(),
                       " bytes do not match the shape ", shape_text(tensor.shape), " of ",
                       to_string(tensor.dtype)));
    }
    sources.push_back(
        {tensor.name, tensor.dtype, tensor.shape,
         [&tensor](std::uint64_t at, std::uint64_t size) { return tensor.bytes.subspan(at, size); }});
  }
  stream_safetensors(path, sources, metadata, job);
}

}  // namespace bsbr
