#include "engine/tokenizer/tokenizer_parts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/error.h"
#include "engine/tokenizer/byte_alphabet.h"

namespace bsbr {
namespace {

void check_specials(const std::vector<SpecialToken>& specials, const std::filesystem::path& file,
                    const Bpe& bpe) {
  for (const SpecialToken& token : specials) {
    const auto bytes = bytes_of_symbols(token.text);
    if (!bytes || *bytes == token.text) continue;
    std::vector<TokenId> ids;
    bpe.encode(*bytes, ids);
    if (ids.size() == 1 && ids[0] == token.id) {
      throw Error(ErrorKind::InvalidFile,
                  cat(file.string(), ": the special token ", quoted(token.text), " has the id ", token.id,
                      ", which is an ordinary token of other bytes"));
    }
  }
}

// Takes out those that are looked for in normalised text, as they look there.
std::vector<SpecialToken> take_normalized(std::vector<SpecialToken>& specials, const Normalizer& normalizer) {
  const auto first = std::stable_partition(specials.begin(), specials.end(),
                                           [](const SpecialToken& token) { return !token.normalized; });
  std::vector<SpecialToken> normalized(std::make_move_iterator(first),
                                       std::make_move_iterator(specials.end()));
  specials.erase(first, specials.end());
  for (SpecialToken& token : normalized) token.text = normalizer.apply(token.text);
  std::erase_if(normalized, [](const SpecialToken& token) { return token.text.empty(); });
  return normalized;
}

}  // namespace

TokenizerParts assemble(TokenizerSource source) {
  TokenTable tokens(source.vocabulary, source.specials);
  const std::filesystem::path file = source.vocabulary.file();
  const auto byte_ids = source.vocabulary.byte_ids(source.missing_byte);
  std::optional<Vocabulary> whole;
  if (source.ignore_merges) whole = std::move(source.vocabulary);
  Bpe bpe(byte_ids, std::move(source.merges), std::move(whole));
  check_specials(source.specials, file, bpe);
  std::vector<SpecialToken> normalized = take_normalized(source.specials, source.normalizer);
  return {.split = std::move(source.split),
          .bpe = std::move(bpe),
          .specials = SpecialTokens(std::move(source.specials)),
          .normalized_specials = SpecialTokens(std::move(normalized)),
          .tokens = std::move(tokens),
          .normalizer = std::move(source.normalizer),
          .around = std::move(source.around)};
}

}  // namespace bsbr
