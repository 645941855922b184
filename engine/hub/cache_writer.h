#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/hub/hub_api.h"

namespace bsbr {

/// Where things of one model lie in the cache, and how they get there; the layout is huggingface_hub's.
class CacheWriter {
 public:
  explicit CacheWriter(const std::string& model);

  [[nodiscard]] std::filesystem::path blob(const std::string& hash) const;
  [[nodiscard]] std::filesystem::path incomplete(const std::string& hash) const;
  [[nodiscard]] std::filesystem::path lock(const std::string& hash) const;
  [[nodiscard]] std::filesystem::path snapshot(const std::string& commit) const;

  /// Whether the blob of a file is there, whole by its size.
  [[nodiscard]] bool has_blob(const HubFile& file) const;
  /// Bytes of a file that are still to come.
  [[nodiscard]] std::uint64_t missing_bytes(const HubFile& file) const;

  /// Makes snapshots/COMMIT/FILE a relative link to the file's blob, in one step. Throws Error(Io).
  void link(const HubFile& file, const std::string& commit) const;
  /// Notes which commit a revision is, in one step. Throws Error(Io).
  void write_ref(const std::string& revision, const std::string& commit) const;
  /// Notes that a repository has no such file. Throws Error(Io).
  void note_absent(const std::string& file, const std::string& commit) const;
  /// Throws Error(Io) unless the disk has room for `bytes`.
  void require_space(std::uint64_t bytes) const;

 private:
  std::filesystem::path repository_;
};

/// Makes a folder and those above it. Throws Error(Io).
void make_folders(const std::filesystem::path& folder);

/// Throws Error(Io) for a path of the cache that the system did not let be written, with errno `code`.
[[noreturn]] void refuse_writing(const std::filesystem::path& path, int code);

/// "548 MiB".
std::string mebibytes(std::uint64_t bytes);

}  // namespace bsbr
