#pragma once

#include <sys/mount.h>

#include <filesystem>
#include <utility>

namespace bsbr::test {

/// A small file system of its own, mounted over a folder while the object lives; root's right.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path at, const char* options) : at_(std::move(at)) {
    std::filesystem::create_directories(at_);
    mounted_ = ::mount("none", at_.c_str(), "tmpfs", 0, options) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  void make_read_only() const { ::mount("none", at_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""); }
  void resize(const char* options) const { ::mount("none", at_.c_str(), "tmpfs", MS_REMOUNT, options); }

 private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

}  // namespace bsbr::test
