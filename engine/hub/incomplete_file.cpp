#include "engine/hub/incomplete_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "engine/hub/cache_writer.h"

namespace bsbr {
namespace {

constexpr std::size_t kPiece = 1u << 20;

}  // namespace

IncompleteFile::IncompleteFile(std::filesystem::path path, const HubFile& file, const Job& job)
    : path_(std::move(path)), file_(file), digest_(file.hash, file.size) {
  make_folders(path_.parent_path());
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0) refuse_writing(path_, errno);
  try {
    hash_content(job);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

IncompleteFile::~IncompleteFile() {
  ::close(fd_);
}

void IncompleteFile::hash_content(const Job& job) {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) refuse_writing(path_, errno);
  const auto there = static_cast<std::uint64_t>(info.st_size);
  if (there > file_.size) return restart();
  std::vector<std::byte> piece(std::min<std::uint64_t>(kPiece, there));
  while (size_ < there) {
    job.report(cat("checking what has come of ", file_.name),
               static_cast<double>(size_) / static_cast<double>(there));
    const ssize_t got = ::read(fd_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorKind::Io, cat(path_.string(), ": cannot be read: ", system_message(errno)));
    if (got == 0) break;
    digest_.add(std::span(piece).first(static_cast<std::size_t>(got)));
    size_ += static_cast<std::uint64_t>(got);
  }
}

void IncompleteFile::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) refuse_writing(path_, wrote < 0 ? errno : ENOSPC);
    const auto count = static_cast<std::size_t>(wrote);
    digest_.add(bytes.first(count));
    size_ += count;
    bytes = bytes.subspan(count);
  }
}

void IncompleteFile::restart() {
  if (::ftruncate(fd_, 0) != 0) refuse_writing(path_, errno);
  digest_ = Digest(file_.hash, file_.size);
  size_ = 0;
}

bool IncompleteFile::has_right_hash() {
  return digest_.finish() == file_.hash;
}

void IncompleteFile::commit(const std::filesystem::path& to) {
  if (::fsync(fd_) != 0 || ::rename(path_.c_str(), to.c_str()) != 0) refuse_writing(path_, errno);
}

void IncompleteFile::remove() const {
  ::unlink(path_.c_str());
}

}  // namespace bsbr
