#include <string>
#include <utility>

#include "engine/base/error.h"
#include "engine/tokenizer/gguf_pre_tokenizer.h"
#include "engine/tokenizer/merges_file.h"
#include "engine/tokenizer/oniguruma_pattern.h"
#include "engine/tokenizer/tokenizer_parts.h"

namespace bsbr {
namespace {

[[noreturn]] void invalid(const char* entry, const std::string& what) {
  throw Error(ErrorKind::InvalidFile, cat("tokenizer.ggml.", entry, " ", what));
}

void check(const GgufVocabulary& gguf) {
  if (gguf.model != "gpt2") {
    throw Error(ErrorKind::Unsupported, cat("tokenizer.ggml.model is ", quoted(gguf.model),
                                            "; only gpt2, which is byte-level BPE, is known"));
  }
  const std::size_t count = gguf.tokens.size();
  if (!gguf.token_types.empty() && gguf.token_types.size() < count) {
    invalid("token_type", cat("has ", gguf.token_types.size(), " entries for ", count, " tokens"));
  }
  if (gguf.merges.empty()) invalid("merges", "is missing or empty; without it no text can be encoded");
}

PreTokenizer split_of(const GgufPreTokenizer& kind) {
  std::vector<PreTokenizer::Step> steps;
  steps.reserve(kind.splits.size() + 1);
  for (const std::string_view split : kind.splits) {
    steps.push_back({.pattern = SplitPattern(pcre2_pattern_of(split))});
  }
  add_byte_level(steps, false, kind.gpt2_split);
  return PreTokenizer(std::move(steps));
}

// A token without a text is none.
Vocabulary read_tokens(const std::vector<std::string>& tokens) {
  Vocabulary vocabulary("tokenizer.ggml.tokens", tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty()) vocabulary.add(tokens[id], id);
  }
  return vocabulary;
}

MergeTable read_merges(const std::vector<std::string>& lines, const Vocabulary& vocabulary) {
  MergeTable merges;
  MergeAdder adder(vocabulary, merges, MergeTable::Repeated::First);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (const auto wrong = adder.add(lines[i])) invalid("merges", cat("is wrong at ", i, ": ", *wrong));
  }
  return merges;
}

std::vector<SpecialToken> specials_of(const GgufVocabulary& gguf) {
  std::vector<SpecialToken> specials;
  for (std::size_t id = 0; id < gguf.tokens.size(); ++id) {
    if (!gguf.tokens[id].empty() && gguf.is_special(id)) specials.push_back({gguf.tokens[id], TokenId(id)});
  }
  return specials;
}

}  // namespace

bool GgufVocabulary::is_special(std::size_t id) const {
  if (!token_types.empty()) return is_special_gguf_type(token_types[id]);
  return bos == TokenId(id) || eos == TokenId(id);
}

std::optional<TokenId> GgufVocabulary::known(std::optional<TokenId> id) const {
  const bool is_token =
      id && *id >= 0 && *id < TokenId(tokens.size()) && !tokens[static_cast<std::size_t>(*id)].empty();
  return is_token ? id : std::nullopt;
}

std::optional<TokenId> GgufVocabulary::first_token() const {
  return add_bos.value_or(gguf_pre_tokenizer(pre).add_bos) ? known(bos) : std::nullopt;
}

std::optional<TokenId> GgufVocabulary::last_token() const {
  return add_eos.value_or(false) ? known(eos) : std::nullopt;
}

TokenizerParts read_gguf_vocabulary(const GgufVocabulary& gguf) {
  check(gguf);
  const GgufPreTokenizer& kind = gguf_pre_tokenizer(gguf.pre);
  Vocabulary vocabulary = read_tokens(gguf.tokens);
  MergeTable merges = read_merges(gguf.merges, vocabulary);
  TokenizerSource source{.vocabulary = std::move(vocabulary),
                         .merges = std::move(merges),
                         .split = split_of(kind),
                         .specials = specials_of(gguf),
                         .ignore_merges = kind.ignore_merges,
                         .missing_byte = Bpe::kLeftOut};
  if (kind.nfc) source.normalizer.add_nfc();
  if (const auto first = gguf.first_token()) source.around.before.push_back(*first);
  if (const auto last = gguf.last_token()) source.around.after.push_back(*last);
  return assemble(std::move(source));
}

}  // namespace bsbr
