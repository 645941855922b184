#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/tokenizer/json_entry.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/tokenizer_parts.h"

/// Reads the entries of a tokenizer.json (https://github.com/huggingface/tokenizers) of a byte-level BPE, as
/// GPT-2, Llama 3, Qwen2 and SmolLM2 have them. All throw Error(InvalidFile), and Error(Unsupported) that
/// names the entry. Padding and truncation are not read: transformers applies neither unless it is asked to.
namespace bsbr {

/// Tokens and merges of the entry "model", which are strings or pairs; without a split.
TokenizerSource read_bpe_model(const JsonEntry& model);

/// The whole pipeline: model with its ignore_merges and unk_token; normalizers NFC, NFD, NFKC, NFKD,
/// Lowercase, Strip, Prepend and Replace of a string; pre-tokenizers Split, Digits, ByteLevel and sequences
/// of them that end in ByteLevel; decoder ByteLevel. Not the added tokens and the post-processor.
TokenizerSource read_pipeline(const JsonEntry& root);

/// The entry "pre_tokenizer".
PreTokenizer read_pre_tokenizer(const JsonEntry& entry);

/// The entry "normalizer".
Normalizer read_normalizer(const JsonEntry& entry);

/// The entry "post_processor": TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel, or a
/// sequence in which at most one puts tokens around a text. `vocabulary` checks the ids.
SurroundingTokens read_post_processor(const JsonEntry& entry, const Vocabulary& vocabulary);

/// One of the entry "added_tokens", or of added_tokens_decoder in tokenizer_config.json; its id is 0.
SpecialToken read_added_token(const JsonEntry& entry);

}  // namespace bsbr
