#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

/// The added tokens of a tokenizer, numbered as HuggingFace's tokenizers numbers them (add_tokens): one that
/// is in the vocabulary keeps its id, others get the next free ones, whatever the file says. Where the file
/// says otherwise it is refused.
class AddedTokens {
 public:
  /// `vocabulary` must outlive this.
  explicit AddedTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  /// Adds a token, whose id is set here, or gives one that was added before other options. `said` is the id
  /// that `file` gives it, if it does. An empty text without an id is no token. Throws Error(InvalidFile)
  /// that names the file if the token has another id, or none is left.
  void add(SpecialToken token, std::optional<std::uint64_t> said, const std::filesystem::path& file);

  [[nodiscard]] const SpecialToken* find(const std::string& text) const;
  [[nodiscard]] std::vector<SpecialToken> all() const;

 private:
  [[nodiscard]] SymbolId next_id(const std::string& text, const std::filesystem::path& file) const;
  void check(const std::string& text, SymbolId id, std::uint64_t said,
             const std::filesystem::path& file) const;

  const Vocabulary& vocabulary_;
  std::map<std::string, SpecialToken> by_text_;
  std::map<SymbolId, std::string> by_id_;
};

}  // namespace bsbr
