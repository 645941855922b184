#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/token_table.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

struct GgufVocabulary;

/// All that a byte-level tokenizer is made of, whatever files it came from.
struct TokenizerParts {
  PreTokenizer split;
  Bpe bpe;
  SpecialTokens specials;             ///< looked for in the text as it is
  SpecialTokens normalized_specials;  ///< looked for between those, after normalisation
  TokenTable tokens;
  bool nfc;                                ///< normalise text to NFC first
  std::optional<TokenId> beginning_token;  ///< what the files would put before a text
};

/// What the files say, to be made into the parts.
struct TokenizerSource {
  Vocabulary vocabulary;
  MergeTable merges;
  PreTokenizer split;
  std::vector<SpecialToken> specials;
  std::vector<SpecialToken> normalized_specials = {};
  bool ignore_merges = false;  ///< a piece that is a token needs no merges
  bool nfc = false;
  /// Bytes without a token become this one, or are left out at Bpe::kLeftOut; if absent there must be none.
  std::optional<SymbolId> missing_byte = {};
  std::optional<TokenId> beginning_token = {};
};

/// Throws Error(InvalidFile) if the vocabulary is not byte-level, or a special token has the id of other
/// bytes, which could not be decoded.
TokenizerParts assemble(TokenizerSource source);

/// Reads a folder as Tokenizer::load says.
TokenizerParts read_tokenizer_folder(const std::filesystem::path& folder);

/// Reads vocab.json, merges.txt and the files of added tokens.
TokenizerParts read_gpt2_folder(const std::filesystem::path& folder);

/// What in tokenizer_config.json or tokenizer.json says that the folder's tokenizer cuts text otherwise than
/// GPT-2; Qwen2, SmolLM2 and others have vocab.json and merges.txt too. Nothing if they agree or are absent.
std::optional<std::string> difference_from_gpt2(const std::filesystem::path& folder);

/// As Tokenizer::from_parts says.
TokenizerParts read_gguf_vocabulary(const GgufVocabulary& gguf);

}  // namespace bsbr
