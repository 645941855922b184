#pragma once

#include <nlohmann/json.hpp>

#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// A GGUF file's tokenizer as the tokenizer.json of HuggingFace's tokenizers library (and Tokenizer::load)
/// read it. Throws Error(Unsupported) for a pre-tokenizer that is not known.
nlohmann::json tokenizer_json(const GgufVocabulary& gguf);

}  // namespace bsbr
