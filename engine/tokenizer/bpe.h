#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/merge_table.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

/// Byte-pair encoding of single pieces (https://arxiv.org/abs/1508.07909, over bytes as in GPT-2): starts
/// with one symbol a byte and merges the adjacent pair of the lowest rank, the leftmost of equals, until no
/// pair has a merge. Knows nothing of texts, files or special tokens. Thread-safe.
class Bpe {
 public:
  /// In `byte_ids`: the byte has no token and is left out of every piece.
  static constexpr SymbolId kLeftOut = kSymbolIdEnd;

  /// A piece that is in `whole` becomes that token at once, whatever the merges (tokenizer.json calls it
  /// ignore_merges).
  Bpe(const std::array<SymbolId, 256>& byte_ids, MergeTable merges,
      std::optional<Vocabulary> whole = std::nullopt);

  /// Appends the ids of `piece` (any bytes) to `ids`. O(n log n) for n bytes.
  /// Throws Error(InvalidArgument) for a piece of 4 GiB.
  void encode(std::string_view piece, std::vector<TokenId>& ids) const;

 private:
  [[nodiscard]] std::optional<SymbolId> find_whole(std::string_view piece) const;
  [[nodiscard]] std::string without_left_out(std::string_view piece) const;
  void merge(std::string_view piece, std::vector<TokenId>& ids) const;
  void encode_short(std::string_view piece, std::vector<TokenId>& ids) const;
  void encode_long(std::string_view piece, std::vector<TokenId>& ids) const;

  std::array<SymbolId, 256> byte_ids_;
  MergeTable merges_;
  std::optional<Vocabulary> whole_;
  bool complete_;  // no byte is left out
};

}  // namespace bsbr
