#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

struct SpecialToken {
  std::string text;
  TokenId id;
  bool strip_left = false;   ///< takes the white space before it as well (lstrip)
  bool strip_right = false;  ///< and after it (rstrip)
  bool single_word = false;  ///< not where a character of a word is next to it
  bool normalized = false;   ///< looked for in normalised text, and normalised itself
};

/// Tokens that are looked for in the text before it is split, such as <|endoftext|>. Thread-safe.
class SpecialTokens {
 public:
  /// Texts are not empty and differ from each other.
  explicit SpecialTokens(std::vector<SpecialToken> tokens);

  struct Hit {
    std::size_t begin, end;
    TokenId id;
  };
  /// The first special token at or after `from`, the longest if several begin there, with the white space
  /// that it takes. As in HuggingFace's tokenizers, what a single word refuses is not looked at again.
  [[nodiscard]] std::optional<Hit> find(std::string_view text, std::size_t from) const;

  /// The id of this exact text.
  [[nodiscard]] std::optional<TokenId> id(std::string_view text) const;

  [[nodiscard]] const std::vector<SpecialToken>& all() const noexcept { return tokens_; }

 private:
  struct Range {
    std::size_t begin = 0, end = 0;
  };
  // The longest token that `text` begins with, or null.
  [[nodiscard]] const SpecialToken* longest(std::string_view text) const;
  [[nodiscard]] Range starting_with(char first) const { return ranges_[static_cast<unsigned char>(first)]; }

  std::vector<SpecialToken> tokens_;  // by first byte, then the longest first
  std::array<Range, 256> ranges_{};   // of tokens_, by first byte
};

}  // namespace bsbr
