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
#include "engine/checkpoint/path_error.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStaging = "staging";

[[noreturn]] void fail(const fs::path& path, const std::string& what, int code) {
  throw Error(ErrorKind::Io, cat(path.string(), ": ", what, ": ", system_message(code)));
}

/// Where a relative name without a folder lies.
fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::string hidden_name(const fs::path& destination, const char* what) {
  return cat(".", destination.filename().string(), ".", what, "-");
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
  const std::string prefix = hidden_name(destination, kStaging);
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

/// Makes a folder of a new name that begins with `prefix`, beside the destination.
fs::path make_folder(const fs::path& destination, const std::string& prefix) {
  const fs::path parent = parent_of(destination);
  std::string name = (parent / (prefix + "XXXXXX")).string();
  if (::mkdtemp(name.data()) != nullptr) return name;
  const int code = errno;
  if (code == ENOENT) {
    throw Error(ErrorKind::NotFound,
                cat(parent.string(), ": there is no such folder to write into; create it first"));
  }
  fail(parent, "cannot create a folder here", code);
}

[[noreturn]] void refuse_existing(const fs::path& destination) {
  throw Error(ErrorKind::InvalidArgument,
              cat(destination.string(), ": exists already; choose another folder or use --force"));
}

/// Whether a failed renameat2() says that the file system, or the kernel, knows none of its flags.
bool knows_no_flags(int code) {
  return code == EINVAL || code == ENOSYS || code == EOPNOTSUPP;
}

void rename_or_fail(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return;
  const int code = errno;
  if (code == EEXIST || code == ENOTEMPTY || code == ENOTDIR) refuse_existing(to);
  fail(to, "cannot be put in place", code);
}

/// A sibling of the destination whose name differs from the staging folder's in `what` it is.
fs::path beside(const fs::path& destination, const fs::path& staging, const char* what) {
  const std::string name = staging.filename().string();
  return parent_of(destination) / (hidden_name(destination, what) + name.substr(name.rfind('-') + 1));
}

/// What RENAME_EXCHANGE does, in three steps: the destination is back where the second one fails.
void exchange_in_steps(const fs::path& staging, const fs::path& destination) {
  // No leftover's name: what lies there when the power fails here is the only copy.
  const fs::path aside = beside(destination, staging, "replaced");
  rename_or_fail(destination, aside);
  if (::rename(staging.c_str(), destination.c_str()) != 0) {
    const int code = errno;
    rename_or_fail(aside, destination);
    fail(destination, "cannot be put in place", code);
  }
  rename_or_fail(aside, staging);
}

}  // namespace

StagedFolder::StagedFolder(fs::path destination) : StagedFolder() {  // whole: a failure below removes it
  destination_ = std::move(destination);
  if (!destination_.has_filename()) destination_ = destination_.parent_path();  // "out/" is "out"
  remove_leftovers(destination_);
  // It takes the name that others look for once it is locked.
  staging_ = make_folder(destination_, hidden_name(destination_, "new"));
  lock_ = lock_folder(staging_);
  if (::chmod(staging_.c_str(), 0755) != 0) fail(staging_, "cannot set permissions", errno);
  const fs::path named = beside(destination_, staging_, kStaging);
  if (::rename(staging_.c_str(), named.c_str()) != 0) fail(staging_, "cannot be renamed", errno);
  staging_ = named;
}

StagedFolder::~StagedFolder() {
  if (!staging_.empty()) remove_folder(staging_);
  if (lock_ >= 0) ::close(lock_);
}

void StagedFolder::commit(bool replace) {
  flush_folder(staging_);
  const bool exchange = replace && has_entry(destination_);
  // renameat2 and not rename: it never replaces an empty folder silently, and exchanges in one step.
  const unsigned flags = exchange ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, destination_.c_str(), flags) != 0) {
    const int code = errno;
    if (code == EEXIST) refuse_existing(destination_);
    if (!knows_no_flags(code)) fail(destination_, "cannot be put in place", code);
    if (exchange) {
      exchange_in_steps(staging_, destination_);
    } else if (has_entry(destination_)) {
      refuse_existing(destination_);
    } else {
      rename_or_fail(staging_, destination_);  // never over a file or a folder that holds something
    }
  }
  // After an exchange the old folder lies at the staging path; the destructor removes it.
  if (!exchange) staging_.clear();
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
