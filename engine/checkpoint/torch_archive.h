#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/checkpoint/torch_objects.h"

namespace bsbr {

/// A tensor of a state dict; its values lie in `storage`.
struct TorchEntry {
  std::string name;
  TorchTensor tensor;
  std::span<const std::byte> storage;
};

/// The state dict that a file of torch.save holds, in the dictionary's order: names once and valid UTF-8, and
/// every tensor within its storage, which lies within the file. `file` is the whole file. Throws
/// Error(InvalidFile | Unsupported) that names `path`.
std::vector<TorchEntry> read_torch_archive(std::span<const std::byte> file,
                                           const std::filesystem::path& path);

}  // namespace bsbr
