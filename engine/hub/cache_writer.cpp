#include "engine/hub/cache_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "engine/base/error.h"
#include "engine/checkpoint/hub_cache.h"
#include "engine/checkpoint/path_error.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

/// A name beside `path` that no other process uses.
fs::path temporary_beside(const fs::path& path) {
  return path.parent_path() / cat('.', path.filename().string(), '.', ::getpid(), ".tmp");
}

void put_in_place(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return;
  const int code = errno;
  ::unlink(from.c_str());
  refuse_writing(to, code);
}

void write_small_file(const fs::path& path, const std::string& text) {
  make_folders(path.parent_path());
  const fs::path temporary = temporary_beside(path);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) refuse_writing(temporary, errno);
  const ssize_t wrote = ::write(fd, text.data(), text.size());
  const int code = wrote < 0 ? errno : ENOSPC;
  ::close(fd);
  if (wrote != static_cast<ssize_t>(text.size())) {
    ::unlink(temporary.c_str());
    refuse_writing(path, code);
  }
  put_in_place(temporary, path);
}

}  // namespace

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) refuse_writing(folder, error.value());
}

void refuse_writing(const fs::path& path, int code) {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  const bool forbidden = code == EACCES || code == EPERM || code == EROFS;
  throw Error(
      ErrorKind::Io,
      cat(path.string(), ": cannot be written: ", system_message(code),
          full ? "; make room, or name a folder on another disk in HF_HUB_CACHE; what has come is kept" : "",
          code == EFBIG ? " (see ulimit -f)" : "",
          forbidden ? "; name a folder of your own in HF_HUB_CACHE" : ""));
}

std::string mebibytes(std::uint64_t bytes) {
  return bytes == 0 ? "0 MiB" : cat((bytes + (1U << 20) - 1) >> 20, " MiB");
}

CacheWriter::CacheWriter(const std::string& model) : repository_(hub_model_folder(model)) {}

fs::path CacheWriter::blob(const std::string& hash) const {
  return repository_ / "blobs" / hash;
}
fs::path CacheWriter::incomplete(const std::string& hash) const {
  return repository_ / "blobs" / (hash + ".incomplete");
}
fs::path CacheWriter::lock(const std::string& hash) const {
  return repository_.parent_path() / ".locks" / repository_.filename() / (hash + ".lock");
}
fs::path CacheWriter::snapshot(const std::string& commit) const {
  return repository_ / "snapshots" / commit;
}

bool CacheWriter::has_blob(const HubFile& file) const {
  std::error_code error;
  const std::uint64_t size = fs::file_size(blob(file.hash), error);
  return !error && size == file.size;
}

std::uint64_t CacheWriter::missing_bytes(const HubFile& file) const {
  if (has_blob(file)) return 0;
  std::error_code error;
  const std::uint64_t size = fs::file_size(incomplete(file.hash), error);
  return error || size > file.size ? file.size : file.size - size;
}

void CacheWriter::link(const HubFile& file, const std::string& commit) const {
  const fs::path at = snapshot(commit) / file.name;
  const fs::path to = blob(file.hash).lexically_relative(at.parent_path());
  std::error_code error;
  if (fs::read_symlink(at, error) == to && !error) return;
  make_folders(at.parent_path());
  const fs::path temporary = temporary_beside(at);
  ::unlink(temporary.c_str());
  if (::symlink(to.c_str(), temporary.c_str()) != 0) refuse_writing(temporary, errno);
  put_in_place(temporary, at);
}

void CacheWriter::write_ref(const std::string& revision, const std::string& commit) const {
  if (revision != commit) write_small_file(repository_ / "refs" / revision, commit);
}

void CacheWriter::note_absent(const std::string& file, const std::string& commit) const {
  write_small_file(repository_ / ".no_exist" / commit / file, "");
}

void CacheWriter::require_space(std::uint64_t bytes) const {
  std::error_code error;
  const fs::space_info space = fs::space(repository_, error);
  if (error || space.available >= bytes) return;
  throw Error(ErrorKind::Io,
              cat(repository_.parent_path().string(), ": ", mebibytes(bytes), " are needed and only ",
                  space.available >> 20,
                  " MiB are free; make room, or name a folder on another disk in HF_HUB_CACHE"));
}

}  // namespace bsbr
