#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/checkpoint/gguf_file.h"
#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// A GGUF file's model as a HuggingFace checkpoint has it.
struct GgufModel {
  nlohmann::json config;            ///< see gguf_config()
  std::vector<TensorView> tensors;  ///< float32, HuggingFace's names and layouts; into the file or `buffers`
  std::vector<std::unique_ptr<float[]>> buffers;
  std::vector<std::string> warnings;  ///< GgufModelShape's
};

/// Reads a model of the architectures llama, qwen2 and gpt2. All tensors become float32: a float32 tensor
/// that needs no other layout stays in the file, the others are dequantised into memory, which is taken only
/// after everything was checked. The rows of llama's query and key projections, which the format stores for
/// rotation of neighbouring pairs, and gpt2's linear weights ([out, in]) get HuggingFace's order. A head that
/// is a copy of the token embedding is left out, as a tied one. `file` must live as long as the result.
/// `job` hears of dequantising (read_gguf_tensors()). Throws Error(InvalidFile | Unsupported | OutOfMemory |
/// Cancelled).
GgufModel read_gguf_model(const GgufFile& file, const Job& job = {});

}  // namespace bsbr
