#pragma once

#include <optional>

#include "engine/checkpoint/checkpoint.h"
#include "engine/tokenizer/chat_template.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

class GgufFile;

/// The tokenizer in a GGUF file's metadata. Throws Error(InvalidFile) for entries of a wrong type.
GgufVocabulary gguf_vocabulary(const GgufFile& gguf);

/// A checkpoint's tokenizer: from the GGUF file that it is, else from its folder. Throws as Tokenizer::load
/// does.
Tokenizer open_tokenizer(const Checkpoint& checkpoint);

/// A checkpoint's chat template, or nothing if it has none. Throws as read_chat_template does.
std::optional<ChatTemplate> open_chat_template(const Checkpoint& checkpoint);

}  // namespace bsbr
