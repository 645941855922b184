#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/weight_files.h"

namespace bsbr {

/// An opened file of weights, safetensors or torch.save's.
struct WeightShard {
  std::filesystem::path path;
  std::span<const TensorView> tensors;  ///< valid while `file` or a copy of it lives
  std::shared_ptr<const void> file;
  const std::map<std::string, std::string>* metadata = nullptr;  ///< of safetensors; valid as `tensors` are
};

/// Opens those of the folder's files that hold its weights: what WeightFiles::chosen_index() names, else the
/// single file. The index must not put a tensor into another shard than has it; tensors that it leaves out
/// are taken all the same, and with those that no shard has they are told in `warnings`, as transformers does
/// not mind them. Tensors with a zero dimension and folders without tensors are refused. `weights` must be
/// readable(). `job` as TorchFile::open() takes it.
/// Throws Error(NotFound | Io | InvalidFile | Unsupported | OutOfMemory | Cancelled).
std::vector<WeightShard> open_weights(const std::filesystem::path& folder, const WeightFiles& weights,
                                      const Job& job, std::vector<std::string>& warnings);

}  // namespace bsbr
