#pragma once

#include <filesystem>
#include <string>

#include "engine/base/job.h"

namespace bsbr {

/// Holds a file locked with flock(), as huggingface_hub does, so that two programs do not fetch the same file
/// at once. Where the file system has no locks it holds nothing.
class FileLock {
 public:
  /// Makes the file and the folders above it. Waits while another process holds it, with `stage` as the
  /// job's. Throws Error(Io | Cancelled).
  FileLock(const std::filesystem::path& path, const std::string& stage, const Job& job);
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  int fd_ = -1;
};

}  // namespace bsbr
