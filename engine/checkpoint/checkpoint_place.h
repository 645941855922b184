#pragma once

#include <filesystem>
#include <string>

namespace bsbr {

/// Where a checkpoint is, and what a person calls it (Checkpoint::name()).
struct CheckpointPlace {
  std::filesystem::path folder;  ///< absolute
  std::string name;
  std::filesystem::path gguf;  ///< the file, or any part of a split model; empty if the folder is meant
};

/// `text` as a person means it who has pasted it: without blanks and quotes around it, and a file:// address
/// as its path. As it is if there is a path of that very name.
std::string without_pasted_marks(const std::string& text);

/// The folder or GGUF file that a person means by `text`, as Checkpoint::open() says. Throws
/// Error(InvalidArgument | NotFound | Io | InvalidFile | Unsupported).
CheckpointPlace find_checkpoint(const std::string& text);

}  // namespace bsbr
