#include "engine/hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "engine/hub/cache_writer.h"

namespace bsbr {
namespace {

constexpr std::chrono::milliseconds kStep{100};
constexpr int kMode = 0664;  // users who share a cache wait for each other

/// The file at `path` is still the one that is open: its last holder may have removed it.
bool is_same_file(int fd, const std::filesystem::path& path) {
  struct stat open {
  }, named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

}  // namespace

FileLock::FileLock(const std::filesystem::path& path, const std::string& stage, const Job& job) {
  make_folders(path.parent_path());
  while (true) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode);
    if (fd < 0) refuse_writing(path, errno);
    int result = 0;
    while ((result = ::flock(fd, LOCK_EX | LOCK_NB)) != 0 && (errno == EWOULDBLOCK || errno == EINTR)) {
      try {
        job.report(stage, 0);
      } catch (...) {
        ::close(fd);
        throw;
      }
      std::this_thread::sleep_for(kStep);
    }
    if (result != 0 || is_same_file(fd, path)) {
      fd_ = fd;
      return;
    }
    ::close(fd);
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace bsbr
