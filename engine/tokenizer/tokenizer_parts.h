#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/normalizer.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/token_table.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

struct GgufVocabulary;

/// What the files put around a text.
struct SurroundingTokens {
  std::vector<TokenId> before, after;
};

/// All that a byte-level tokenizer is made of, whatever files it came from.
struct TokenizerParts {
  PreTokenizer split;
  Bpe bpe;
  SpecialTokens specials;             ///< looked for in the text as it is
  SpecialTokens normalized_specials;  ///< looked for between those, after normalisation
  TokenTable tokens;
  Normalizer normalizer;
  SurroundingTokens around;
};

/// What the files say, to be made into the parts.
struct TokenizerSource {
  Vocabulary vocabulary;
  MergeTable merges;
  PreTokenizer split;
  std::vector<SpecialToken> specials = {};
  bool ignore_merges = false;  ///< a piece that is a token needs no merges
  Normalizer normalizer = {};
  /// Bytes without a token become this one, or are left out at Bpe::kLeftOut; if absent there must be none.
  std::optional<SymbolId> missing_byte = {};
  SurroundingTokens around = {};
};

/// Throws Error(InvalidFile) if the vocabulary is not byte-level, or a special token has the id of other
/// bytes, which could not be decoded.
TokenizerParts assemble(TokenizerSource source);

/// Reads a folder as Tokenizer::load says.
TokenizerParts read_tokenizer_folder(const std::filesystem::path& folder);

/// As Tokenizer::from_parts says.
TokenizerParts read_gguf_vocabulary(const GgufVocabulary& gguf);

}  // namespace bsbr
