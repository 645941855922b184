#include "engine/tokenizer/tokenizer_parts.h"

#include <utility>

#include "engine/base/error.h"
#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/nfc.h"
#include "engine/tokenizer/tokenizer_json.h"

namespace bsbr {
namespace {

using std::filesystem::path;

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

void check_specials(const std::vector<SpecialToken>& specials, const path& file, const Bpe& bpe) {
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

[[noreturn]] void fail_missing(const path& folder, bool vocabulary, bool merges) {
  if (const path other = folder / "tokenizer.model"; is_there(other) && !vocabulary && !merges) {
    throw Error(
        ErrorKind::Unsupported,
        cat(other.string(), ": tokenizers of this format cannot be read; tokenizer.json, or vocab.json ",
            "and merges.txt, of a byte-level BPE are needed, and the folder has neither"));
  }
  throw Error(ErrorKind::NotFound,
              cat(folder.string(), ": the tokenizer's ", vocabulary ? "" : "vocab.json",
                  !vocabulary && !merges ? " and " : "", merges ? "" : "merges.txt",
                  !vocabulary && !merges ? " are" : " is", " missing, and there is no tokenizer.json"));
}

}  // namespace

TokenizerParts assemble(TokenizerSource source) {
  const path file = source.vocabulary.file();
  std::vector<SpecialToken> all = source.specials;
  all.insert(all.end(), source.normalized_specials.begin(), source.normalized_specials.end());
  TokenTable tokens(source.vocabulary, all);
  const auto byte_ids = source.vocabulary.byte_ids(source.missing_byte);
  std::optional<Vocabulary> whole;
  if (source.ignore_merges) whole = std::move(source.vocabulary);
  Bpe bpe(byte_ids, std::move(source.merges), std::move(whole));
  check_specials(all, file, bpe);
  if (source.nfc) {
    for (SpecialToken& token : source.normalized_specials) token.text = to_nfc(token.text);
  }
  return {.split = std::move(source.split),
          .bpe = std::move(bpe),
          .specials = SpecialTokens(std::move(source.specials)),
          .normalized_specials = SpecialTokens(std::move(source.normalized_specials)),
          .tokens = std::move(tokens),
          .nfc = source.nfc,
          .beginning_token = source.beginning_token};
}

TokenizerParts read_tokenizer_folder(const path& folder) {
  if (!is_there(folder)) throw Error(ErrorKind::NotFound, cat(folder.string(), ": there is no such folder"));
  const path json = folder / "tokenizer.json";
  const bool vocabulary = is_there(folder / "vocab.json");
  const bool merges = is_there(folder / "merges.txt");
  if (!vocabulary || !merges) {
    if (!is_there(json)) fail_missing(folder, vocabulary, merges);
    return read_tokenizer_json(json);
  }
  const auto difference = difference_from_gpt2(folder);
  if (!difference) return read_gpt2_folder(folder);
  if (!is_there(json)) {
    throw Error(
        ErrorKind::Unsupported,
        cat(*difference, "; vocab.json and merges.txt do not say how it splits text, and there is no ",
            "tokenizer.json that does; save the tokenizer with transformers' fast tokenizers to get one"));
  }
  return read_tokenizer_json(json);
}

}  // namespace bsbr
