#include "engine/export/staged_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "engine/base/error.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& what, int code) {
  throw Error(ErrorKind::Io, cat(path.string(), ": ", what, ": ", system_message(code)));
}

/// Where a relative name without a folder lies.
fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::string stage_prefix(const fs::path& destination) {
  return "." + destination.filename().string() + ".staging-";
}

/// An open and locked folder, or -1 when another process holds it.
int lock_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

/// Removes a folder as well as it can, also where it is write-protected.
void remove_folder(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (!error) return;
  fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add, error);
  fs::remove_all(folder, error);
}

void remove_leftovers(const fs::path& destination) {
  const std::string prefix = stage_prefix(destination);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(parent_of(destination), ignored)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    const int lock = lock_folder(entry.path());
    if (lock < 0) continue;
    remove_folder(entry.path());
    ::close(lock);
  }
}

void flush_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(folder, "cannot open to flush", errno);
  const int result = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  if (result != 0) fail(folder, "cannot flush to the disk", code);
}

}  // namespace

StagedFolder::StagedFolder(fs::path destination) : destination_(std::move(destination)) {
  if (!destination_.has_filename()) destination_ = destination_.parent_path();  // "out/" is "out"
  remove_leftovers(destination_);
  std::string name = (parent_of(destination_) / (stage_prefix(destination_) + "XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) {
    const int code = errno;
    if (code == ENOENT) {
      throw Error(ErrorKind::NotFound, cat(parent_of(destination_).string(),
                                           ": there is no such folder to write into; create it first"));
    }
    fail(parent_of(destination_), "cannot create a folder here", code);
  }
  staging_ = name;
  lock_ = lock_folder(staging_);
  if (::chmod(name.c_str(), 0755) != 0) fail(staging_, "cannot set permissions", errno);
}

StagedFolder::~StagedFolder() {
  if (!staging_.empty()) remove_folder(staging_);
  if (lock_ >= 0) ::close(lock_);
}

void StagedFolder::commit(bool replace) {
  flush_folder(staging_);
  // renameat2 and not rename: it never replaces an empty folder silently, and exchanges in one step.
  unsigned flags = RENAME_NOREPLACE;
  std::error_code ignored;
  if (replace && fs::exists(fs::symlink_status(destination_, ignored))) flags = RENAME_EXCHANGE;
  if (::renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, destination_.c_str(), flags) != 0) {
    const int code = errno;
    if (code == EEXIST) {
      throw Error(ErrorKind::InvalidArgument,
                  cat(destination_.string(), ": exists already; choose another folder or use --force"));
    }
    fail(destination_, "cannot be put in place", code);
  }
  // After an exchange the old folder lies at the staging path; the destructor removes it.
  if (flags == RENAME_NOREPLACE) staging_.clear();
  flush_folder(parent_of(destination_));
}

void write_text_file(const fs::path& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) fail(path, "cannot create", errno);
  std::size_t done = 0;
  int code = 0;
  while (done < text.size() && code == 0) {
    const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) code = errno;
    done += wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
  }
  if (code == 0 && ::fsync(fd) != 0) code = errno;
  if (::close(fd) != 0 && code == 0) code = errno;
  if (code != 0) fail(path, "cannot write", code);
}

}  // namespace bsbr
