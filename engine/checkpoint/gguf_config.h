#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/gguf_file.h"

namespace bsbr {

/// What must be known of a GGUF model to lay out its tensors as HuggingFace does.
struct GgufModelShape {
  std::string architecture;  ///< "llama", "qwen2" or "gpt2"
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::vector<std::string> warnings = {};  ///< what the file says and is left out, a line each
};

/// The config.json that transformers would write for the model, and its shape. Reads general.architecture,
/// the keys below it, the ids in tokenizer.ggml, the shape of token_embd.weight and the values of
/// rope_freqs.weight. `tied`: the head is the token embedding. Throws Error(InvalidFile) for keys that are
/// missing or of a wrong type or value, Error(Unsupported) for what is no model (refuse_other_gguf()), other
/// architectures, rope scaling other than linear and Llama 3.1's, rotation of a part of the heads, experts.
/// Ids of tokens that the vocabulary does not have are left out, as llama.cpp does, with a warning.
nlohmann::json gguf_config(const GgufFile& file, bool tied, GgufModelShape& shape);

}  // namespace bsbr
