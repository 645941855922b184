#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// Throws what keeps a GGUF file's tokenizer from being written for HuggingFace's libraries:
/// Error(Unsupported) for a model or pre-tokenizer that is not known (as Tokenizer::from_parts) or that
/// transformers would not use for this architecture, and for tokens that are not valid UTF-8;
/// Error(InvalidFile) as from_parts.
void check_gguf_tokenizer_export(const GgufVocabulary& gguf);

/// A GGUF file's tokenizer as the tokenizer.json of HuggingFace's tokenizers library (and Tokenizer::load)
/// read it: the same ids for a text, with the tokens around it. The vocabulary passed
/// check_gguf_tokenizer_export().
nlohmann::json tokenizer_json(const GgufVocabulary& gguf);

/// The tokenizer_config.json beside it, which transformers 4 and 5 read: the class, the tokens with a role,
/// the added tokens, and `chat_template`, unless it is empty.
nlohmann::json tokenizer_config_json(const GgufVocabulary& gguf, const std::string& chat_template);

}  // namespace bsbr
