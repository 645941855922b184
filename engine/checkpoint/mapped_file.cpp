#include "engine/checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "engine/base/error.h"
#include "engine/checkpoint/path_error.h"

namespace bsbr {
namespace {

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path)
      // O_NONBLOCK: opening a FIFO must not wait for a writer.
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
    if (fd_ < 0) throw_path_error(path, errno);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { ::close(fd_); }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  const Descriptor file(path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw_path_error(path, errno);
  if (S_ISDIR(info.st_mode)) {
    throw Error(ErrorKind::InvalidFile, path.string() + ": is a folder where a file is expected");
  }
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorKind::InvalidFile, path.string() + ": is not a regular file (a pipe, device or socket)");
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return;
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) {
    const int code = errno;
    throw Error(code == ENOMEM ? ErrorKind::OutOfMemory : ErrorKind::Io,
                cat(path.string(), ": cannot map its ", size, " bytes into memory: ", system_message(code)));
  }
  data_ = static_cast<const std::byte*>(mapped);
  size_ = size;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace bsbr
