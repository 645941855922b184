#include "engine/checkpoint/path_error.h"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "engine/base/error.h"

namespace bsbr {
namespace {

struct stat status_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw_path_error(path, errno);
  return info;
}

}  // namespace

void throw_path_error(const std::filesystem::path& path, int code) {
  const std::string where = path.string() + ": ";
  std::error_code ignored;
  switch (code) {
    case ENOENT:
      if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, ignored))) {
        const std::string target = std::filesystem::read_symlink(path, ignored).string();
        throw Error(ErrorKind::NotFound, cat(where, "is a symbolic link to ", target,
                                             ", which does not exist; restore that file or download again"));
      }
      throw Error(ErrorKind::NotFound, where + "does not exist");
    case ENOTDIR:
      throw Error(ErrorKind::NotFound, where + "does not exist: a part of this path is a file, not a folder");
    case ELOOP:
      throw Error(ErrorKind::Io, where + "its symbolic links lead in a circle; remove or replace them");
    case EACCES:
    case EPERM:
      throw Error(ErrorKind::Io, where +
                                     "permission denied; its owner and mode, or those of a folder above it, "
                                     "do not let this user read it (see ls -l)");
    case ENXIO:
      throw Error(ErrorKind::InvalidFile, where + "is not a regular file");
    default:
      throw Error(ErrorKind::Io, cat(where, "cannot open: ", system_message(code)));
  }
}

bool has_entry(const std::filesystem::path& path) noexcept {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

bool leads_somewhere(const std::filesystem::path& path) noexcept {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

void require_file(const std::filesystem::path& path) {
  const struct stat info = status_of(path);
  if (S_ISDIR(info.st_mode)) {
    throw Error(ErrorKind::InvalidFile, path.string() + ": is a folder where a file is expected");
  }
  if (!S_ISREG(info.st_mode)) throw Error(ErrorKind::InvalidFile, path.string() + ": is not a regular file");
}

void require_folder(const std::filesystem::path& path) {
  if (!S_ISDIR(status_of(path).st_mode)) {
    throw Error(ErrorKind::InvalidFile, path.string() + ": is not a folder");
  }
}

}  // namespace bsbr
