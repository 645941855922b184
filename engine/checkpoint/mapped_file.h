#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace bsbr {

/// A whole regular file, mapped for reading; unmapped by the destructor. Opening never waits (FIFOs) and
/// never reads the content. Thread-safe. The file must not be shortened by others meanwhile: reading past its
/// new end raises SIGBUS.
class MappedFile {
 public:
  /// Throws Error(NotFound | Io | InvalidFile).
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile(MappedFile&&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  /// Empty for an empty file.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bsbr
