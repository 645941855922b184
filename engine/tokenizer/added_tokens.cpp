#include "engine/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "engine/base/error.h"

namespace bsbr {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what) {
  throw Error(ErrorKind::InvalidFile, cat(file.string(), ": ", what));
}

}  // namespace

void AddedTokens::add(SpecialToken token, std::optional<std::uint64_t> said,
                      const std::filesystem::path& file) {
  if (token.text.empty()) {
    if (said) fail(file, cat("the token with the id ", *said, " has an empty text"));
    return;
  }
  const SpecialToken* known = find(token.text);
  const auto in_vocabulary = vocabulary_.id(token.text);
  const SymbolId id = known != nullptr ? static_cast<SymbolId>(known->id)
                      : in_vocabulary  ? *in_vocabulary
                                       : next_id(token.text, file);
  if (said) check(token.text, id, *said, file);
  token.id = id;
  by_id_[id] = token.text;
  by_text_.insert_or_assign(token.text, token);
}

SymbolId AddedTokens::next_id(const std::string& text, const std::filesystem::path& file) const {
  const auto count = static_cast<SymbolId>(vocabulary_.size());
  const SymbolId id = by_id_.empty() ? count : std::max(count, by_id_.rbegin()->first + 1);
  if (const auto other = vocabulary_.text(id)) {
    fail(file, cat("the token ", quoted(text), " would get the id ", id, ", the number of tokens in ",
                   vocabulary_.file().string(), ", but there that is ", quoted(*other)));
  }
  return vocabulary_.checked_id(id, text, file);
}

void AddedTokens::check(const std::string& text, SymbolId id, std::uint64_t said,
                        const std::filesystem::path& file) const {
  vocabulary_.checked_id(said, text, file);
  if (said == id) return;
  const auto wrong = static_cast<SymbolId>(said);
  if (vocabulary_.id(text)) {
    fail(file, cat("gives ", quoted(text), " the id ", said, ", but ", vocabulary_.file().string(),
                   " gives it ", id));
  }
  if (const auto other = vocabulary_.text(wrong)) {
    fail(file, cat("gives the id ", said, " to ", quoted(text), ", but ", vocabulary_.file().string(),
                   " gives it to ", quoted(*other)));
  }
  if (const auto other = by_id_.find(wrong); other != by_id_.end()) {
    fail(file, cat("gives the id ", said, " to ", quoted(text), " and to ", quoted(other->second)));
  }
  fail(file, cat("gives ", quoted(text), " the id ", said, ", but tokenizers numbers added tokens after the ",
                 "others and gives it ", id));
}

const SpecialToken* AddedTokens::find(const std::string& text) const {
  const auto found = by_text_.find(text);
  return found == by_text_.end() ? nullptr : &found->second;
}

std::vector<SpecialToken> AddedTokens::all() const {
  std::vector<SpecialToken> tokens;
  tokens.reserve(by_text_.size());
  for (const auto& [text, token] : by_text_) tokens.push_back(token);
  return tokens;
}

}  // namespace bsbr
