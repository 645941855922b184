#include "engine/tokenizer/token_table.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/tokenizer/byte_alphabet.h"

namespace bsbr {

TokenTable::TokenTable(const Vocabulary& vocabulary, const std::vector<SpecialToken>& specials) {
  std::size_t end = vocabulary.end();
  for (const SpecialToken& token : specials) end = std::max(end, static_cast<std::size_t>(token.id) + 1);
  entries_.resize(end);
  for (std::size_t id = 0; id < vocabulary.end(); ++id) {
    const auto text = vocabulary.text(static_cast<SymbolId>(id));
    if (!text) continue;
    const auto bytes = bytes_of_symbols(*text);
    set(id, bytes ? *bytes : *text);
  }
  for (const SpecialToken& token : specials) set(static_cast<std::size_t>(token.id), token.text);
}

void TokenTable::set(std::size_t id, std::string_view bytes) {
  entries_[id] = {bytes_.size(), bytes.size()};
  bytes_ += bytes;
}

void TokenTable::fail(TokenId id) {
  throw Error(ErrorKind::InvalidArgument, cat("token id ", id, " is negative; ids begin with 0"));
}

}  // namespace bsbr
