#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "engine/base/job.h"
#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// Writes tensors into a folder: as model.safetensors, or where that would be larger than
/// `shard_bytes` as model-00001-of-0000N.safetensors and so on with model.safetensors.index.json, each of
/// them no larger unless a single tensor is. Weights are written as `dtype` (Recast). Throws
/// Error(InvalidArgument | Io | Cancelled).
void write_weights(std::span<const TensorView> tensors, const std::filesystem::path& folder,
                   std::optional<Dtype> dtype, std::uint64_t shard_bytes, const Job& job = {});

}  // namespace bsbr
