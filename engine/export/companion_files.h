#pragma once

#include <filesystem>

#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// Writes what a checkpoint says of its tokenizer, of generating and of its licence into a folder. A folder's
/// files are copied, but that tokenizer_config.json names the model's inputs where transformers would make
/// others; a GGUF file's metadata become tokenizer.json, tokenizer_config.json and generation_config.json.
/// `model` is the checkpoint's. Throws Error(Io | InvalidFile), and Error(Unsupported) for a vocabulary that
/// tokenizer.json cannot hold.
void write_companion_files(const Checkpoint& source, const ModelConfig& model,
                           const std::filesystem::path& folder);

}  // namespace bsbr
