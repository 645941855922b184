#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "engine/tokenizer/merge_table.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// Byte-pair encoding of single pieces (https://arxiv.org/abs/1508.07909, over bytes as in GPT-2): starts
/// with one symbol a byte and merges the adjacent pair of the lowest rank, the leftmost of equals, until no
/// pair has a merge. Knows nothing of texts, files or special tokens. Thread-safe.
class Bpe {
 public:
  Bpe(const std::array<SymbolId, 256>& byte_ids, MergeTable merges)
      : byte_ids_(byte_ids), merges_(std::move(merges)) {}

  /// Appends the ids of `piece` (any bytes) to `ids`. O(n log n) for n bytes.
  /// Throws Error(InvalidArgument) for a piece of 4 GiB.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;

 private:
  void encode_short(std::string_view piece, std::vector<TokenId>& ids) const;
  void encode_long(std::string_view piece, std::vector<TokenId>& ids) const;

  std::array<SymbolId, 256> byte_ids_;
  MergeTable merges_;
};

}  // namespace bsbr
