#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// Throws Error(Unsupported) that names the method if `config`, the folder's config.json, or a file beside it
/// says that the weights are quantised (GPTQ, AWQ, bitsandbytes, FP8, MLX and others).
void refuse_quantised_config(const std::filesystem::path& folder, const nlohmann::json& config);

/// The same where nothing but the names of the tensors shows it.
void refuse_quantised_tensors(const std::filesystem::path& folder, std::span<const TensorView> tensors);

}  // namespace bsbr
