#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "engine/base/job.h"
#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// One memory-mapped file of torch.save that holds a state dict, as pytorch_model.bin: a dictionary of names
/// and tensors. Both forms are read, the zip archive (torch 1.6 on) and the one before it. Its pickle is run
/// by run_pickle(), which makes nothing but dictionaries, storages and tensors; no Python is needed. All
/// offsets, sizes and strides are checked against the file before any tensor is offered. Tensors that lie in
/// the file in row-major order stay there; others (transposed, say) are copied into memory, once for all
/// tensors that share it. Thread-safe after opening. Views stay valid while any copy of the object lives, and
/// the file must not be shortened meanwhile.
/// Format: https://docs.pytorch.org/docs/stable/notes/serialization.html.
class TorchFile {
 public:
  /// `job` can cancel the copying. Throws Error(NotFound | Io | InvalidFile | Unsupported | OutOfMemory |
  /// Cancelled) naming the file and what breaks the format or is refused.
  static TorchFile open(const std::filesystem::path& path, const Job& job = {});

  /// In the order of the dictionary.
  [[nodiscard]] const std::vector<TensorView>& tensors() const;
  [[nodiscard]] const std::filesystem::path& path() const;

 private:
  struct Content;
  explicit TorchFile(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

}  // namespace bsbr
