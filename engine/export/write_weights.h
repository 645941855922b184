#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"

namespace bsbr {

/// Bytes of all exported tensors of a checkpoint (exported_tensors) where its weights are written as `dtype`;
/// nothing: as they are.
std::uint64_t written_bytes(const Checkpoint& source, std::optional<Dtype> dtype);

/// Whether every one of them is then written as it is.
bool keeps_bits(const Checkpoint& source, std::optional<Dtype> dtype);

/// Writes them into a folder: as model.safetensors, or where that would be larger than
/// `shard_bytes` as model-00001-of-0000N.safetensors and so on with model.safetensors.index.json, each of
/// them no larger unless a single tensor is. Weights are written as `dtype` (Recast). Throws
/// Error(InvalidArgument | Io | Cancelled).
void write_weights(const Checkpoint& source, const std::filesystem::path& folder, std::optional<Dtype> dtype,
                   std::uint64_t shard_bytes, const Job& job = {});

}  // namespace bsbr
