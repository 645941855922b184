#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "engine/base/job.h"
#include "engine/hub/digest.h"
#include "engine/hub/hub_api.h"

namespace bsbr {

/// A file of the cache while it is being fetched: bytes are added at its end and hashed as they come.
/// Whatever happens, what has come stays for the next attempt.
class IncompleteFile {
 public:
  /// Opens or makes `path`, and hashes what it holds already; a file that is longer than it should become is
  /// begun anew. Throws Error(Io | Cancelled).
  IncompleteFile(std::filesystem::path path, const HubFile& file, const Job& job);
  IncompleteFile(const IncompleteFile&) = delete;
  IncompleteFile& operator=(const IncompleteFile&) = delete;
  ~IncompleteFile();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Throws Error(Io), as where the disk is full.
  void add(std::span<const std::byte> bytes);
  /// Forgets what has come. Throws Error(Io).
  void restart();
  /// Whether what has come has the file's hash. Once only.
  [[nodiscard]] bool has_right_hash();
  /// Flushes it and gives it its final name. Throws Error(Io).
  void commit(const std::filesystem::path& to);
  void remove() const;

 private:
  void hash_content(const Job& job);

  std::filesystem::path path_;
  HubFile file_;
  Digest digest_;
  std::uint64_t size_ = 0;
  int fd_ = -1;
};

}  // namespace bsbr
