#pragma once

#include <filesystem>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/split_pattern.h"
#include "engine/tokenizer/token_table.h"

namespace bsbr {

/// All that a byte-level tokenizer is made of, whatever files it came from.
struct TokenizerParts {
  SplitPattern split;
  Bpe bpe;
  SpecialTokens specials;
  TokenTable tokens;
};

/// Reads vocab.json, merges.txt and the files of added tokens, as Tokenizer::load says.
TokenizerParts read_gpt2_folder(const std::filesystem::path& folder);

}  // namespace bsbr
