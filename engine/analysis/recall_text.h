#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// Text in which passages of random words stand that are read again later.
struct RecallText {
  /// Where the two readings of a passage begin.
  struct Passage {
    std::int64_t first, second;
    [[nodiscard]] std::int64_t distance() const { return second - first; }
  };
  std::vector<TokenId> ids;
  std::vector<Passage> passages;
};

/// Tokens of a passage. All but the first of a second reading can be known.
inline constexpr std::int64_t kRecallPassage = 64;
/// The shortest distance between readings; the others are its doubles.
inline constexpr std::int64_t kRecallShortest = 256;
/// Text before the first reading: it must not fall into the sink, which is always read exactly.
inline constexpr std::int64_t kRecallBefore = 32;

/// Different words of a text in the order in which they first stand in it: runs of 3 to 16 letters.
std::vector<std::string> words_of(const std::string& text);

/// Text, a passage, text, and at the given distance the passage again, which ends it. `around`, what stands
/// before and between, is cut from a random place: at least kRecallBefore + distance - kRecallPassage tokens.
/// The token that the tokenizer puts before every text comes first.
RecallText one_repetition(const Tokenizer& tokenizer, const std::vector<std::string>& words,
                          std::span<const TokenId> around, std::int64_t distance, std::mt19937_64& random);

/// As many passages at distances from kRecallShortest on and doubling as `tokens` tokens hold with as much
/// text between: the distances about equally often. Deterministic for a seed. No passages where there is
/// too little text, or where there are no words.
RecallText many_repetitions(const Tokenizer& tokenizer, const std::vector<std::string>& words,
                            std::span<const TokenId> around, std::int64_t tokens, std::uint64_t seed);

}  // namespace bsbr
