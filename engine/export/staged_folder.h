#pragma once

#include <filesystem>
#include <string>

namespace bsbr {

/// A folder that is written beside its destination and takes the destination's place in one step, or never.
/// What a killed process left behind is removed by the next one that stages the same destination.
class StagedFolder {
 public:
  /// Makes the staging folder, a hidden sibling of `destination`; its parent folders are not made.
  /// Throws Error(Io | NotFound).
  explicit StagedFolder(std::filesystem::path destination);
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;
  /// Removes the staging folder.
  ~StagedFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return staging_; }

  /// Flushes the staging folder and puts it in the destination's place. With `replace`, an existing
  /// destination is exchanged for it in one step and then removed; without, an existing destination is
  /// refused. A file system that cannot exchange does it in two steps, with nothing at the destination
  /// between them. Throws Error(Io | InvalidArgument); the destination is untouched then.
  void commit(bool replace);

 private:
  StagedFolder() = default;

  std::filesystem::path destination_;
  std::filesystem::path staging_;
  int lock_ = -1;  // held on the staging folder while its process lives
};

/// Creates `path` with `text` and flushes it to the disk. Throws Error(Io).
void write_text_file(const std::filesystem::path& path, const std::string& text);

}  // namespace bsbr
