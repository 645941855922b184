#pragma once

#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// Completes `config.end_tokens`, which config.json gave, by what else the checkpoint says, as transformers'
/// and llama.cpp's generation do: generation_config.json, if it can be read, goes before config.json, even
/// where it names none; a GGUF file adds tokenizer.ggml.eot_token_id and eom_token_id, and its control tokens
/// that end a turn by their text. Ids that the model does not embed are left out. What is wrong is added to
/// `config.warnings`.
void complete_end_tokens(const Checkpoint& checkpoint, ModelConfig& config);

}  // namespace bsbr
