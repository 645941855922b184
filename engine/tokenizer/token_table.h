#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

/// The bytes of every token by its id. Thread-safe.
class TokenTable {
 public:
  /// Vocabulary texts are read in the byte alphabet; one that is not written in it stands for itself, as does
  /// the text of a special token.
  TokenTable(const Vocabulary& vocabulary, const std::vector<SpecialToken>& specials);

  /// Empty if there is no such token: embeddings may have more rows than there are tokens. Throws
  /// Error(InvalidArgument) for a negative id.
  [[nodiscard]] std::string_view bytes(TokenId id) const {
    if (id < 0) fail(id);
    if (id >= end()) return {};
    const Entry& entry = entries_[static_cast<std::size_t>(id)];
    return std::string_view(bytes_).substr(entry.begin, entry.length);
  }

  /// One more than the largest id.
  [[nodiscard]] TokenId end() const noexcept { return static_cast<TokenId>(entries_.size()); }

 private:
  struct Entry {
    std::size_t begin = 0, length = 0;
  };
  void set(std::size_t id, std::string_view bytes);
  [[noreturn]] static void fail(TokenId id);

  std::string bytes_;  // of all tokens, one after the other
  std::vector<Entry> entries_;
};

}  // namespace bsbr
