#pragma once

#include <filesystem>

#include "engine/tokenizer/json_entry.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/tokenizer_parts.h"

namespace bsbr {

/// Reads a byte-level BPE from a tokenizer.json (https://github.com/huggingface/tokenizers), as GPT-2, Llama
/// 3, Qwen2 and SmolLM2 have them: model BPE with merges as strings or pairs and ignore_merges; normalizer
/// NFC; pre-tokenizers Split, Digits, ByteLevel and sequences of them that end in ByteLevel; decoder
/// ByteLevel; added tokens. Of the post-processor only what it puts before a text is read; padding and
/// truncation are not. Throws Error(NotFound | Io | InvalidFile), and Error(Unsupported) that names the
/// entry.
TokenizerParts read_tokenizer_json(const std::filesystem::path& file);

/// The entry "pre_tokenizer". Throws as above.
PreTokenizer read_pre_tokenizer(const JsonEntry& entry);

/// The entry "normalizer": whether it is NFC; false if it does nothing. Throws as above.
bool read_normalizer(const JsonEntry& entry);

}  // namespace bsbr
