#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

/// Collects what a checkpoint's files say of its special tokens and finds where they contradict each other or
/// the vocabulary.
class AddedTokens {
 public:
  /// `vocabulary` must outlive this.
  explicit AddedTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  /// `file` gives `text` an id. Throws Error(InvalidFile) that names both files if another one disagrees.
  void add(const std::string& text, std::uint64_t id, const std::filesystem::path& file);

  /// `text` is special; it has the vocabulary's id, and is left out if it has none.
  void name(const std::string& text);

  [[nodiscard]] std::vector<SpecialToken> all() const;

 private:
  struct Origin {
    SymbolId id;
    std::filesystem::path file;
  };

  const Vocabulary& vocabulary_;
  std::map<std::string, Origin> by_text_;
  std::map<SymbolId, std::string> by_id_;
};

/// The special tokens of a HuggingFace checkpoint's folder: <|endoftext|> if the vocabulary has it, and what
/// added_tokens.json ({"text": id}), tokenizer_config.json (added_tokens_decoder, bos_token, …) and
/// special_tokens_map.json name. A token named without an id anywhere is left out. Matching options such as
/// lstrip are not read: tokens match exactly. Throws Error(NotFound | Io | InvalidFile) that names the file
/// and the entry, and both files if they contradict each other.
std::vector<SpecialToken> read_added_tokens(const std::filesystem::path& folder,
                                            const Vocabulary& vocabulary);

}  // namespace bsbr
