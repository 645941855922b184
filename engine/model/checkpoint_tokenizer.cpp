#include "engine/model/checkpoint_tokenizer.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/gguf_file.h"

namespace bsbr {
namespace {

template <class T>
T value_or_empty(const GgufFile& gguf, const char* key) {
  const T* value = gguf.get<T>(key);
  return value == nullptr ? T() : *value;
}

std::optional<TokenId> token_id(const GgufFile& gguf, const char* key) {
  const std::int64_t* id = gguf.get<std::int64_t>(key);
  return id == nullptr ? std::nullopt : std::optional<TokenId>(*id);
}

std::optional<bool> flag(const GgufFile& gguf, const char* key) {
  const bool* value = gguf.get<bool>(key);
  return value == nullptr ? std::nullopt : std::optional<bool>(*value);
}

// The special tokens by transformers' names.
std::map<std::string, std::string> special_tokens(const GgufFile& gguf) {
  static constexpr std::pair<const char*, const char*> kNames[] = {
      {"bos_token", "tokenizer.ggml.bos_token_id"},       {"eos_token", "tokenizer.ggml.eos_token_id"},
      {"unk_token", "tokenizer.ggml.unknown_token_id"},   {"pad_token", "tokenizer.ggml.padding_token_id"},
      {"sep_token", "tokenizer.ggml.seperator_token_id"}, {"cls_token", "tokenizer.ggml.cls_token_id"},
      {"mask_token", "tokenizer.ggml.mask_token_id"}};
  std::map<std::string, std::string> texts;
  const auto* tokens = gguf.get<std::vector<std::string>>("tokenizer.ggml.tokens");
  for (const auto& [name, key] : kNames) {
    const auto id = token_id(gguf, key);
    if (tokens == nullptr || !id || *id < 0 || std::cmp_greater_equal(*id, tokens->size())) continue;
    texts[name] = (*tokens)[static_cast<std::size_t>(*id)];
  }
  return texts;
}

}  // namespace

GgufVocabulary gguf_vocabulary(const GgufFile& gguf) {
  using Texts = std::vector<std::string>;
  GgufVocabulary vocabulary{.model = value_or_empty<std::string>(gguf, "tokenizer.ggml.model"),
                            .pre = value_or_empty<std::string>(gguf, "tokenizer.ggml.pre"),
                            .tokens = value_or_empty<Texts>(gguf, "tokenizer.ggml.tokens"),
                            .merges = value_or_empty<Texts>(gguf, "tokenizer.ggml.merges"),
                            .token_types = {},
                            .bos = token_id(gguf, "tokenizer.ggml.bos_token_id"),
                            .eos = token_id(gguf, "tokenizer.ggml.eos_token_id"),
                            .unk = token_id(gguf, "tokenizer.ggml.unknown_token_id"),
                            .pad = token_id(gguf, "tokenizer.ggml.padding_token_id"),
                            .add_bos = flag(gguf, "tokenizer.ggml.add_bos_token"),
                            .add_eos = flag(gguf, "tokenizer.ggml.add_eos_token"),
                            .architecture = value_or_empty<std::string>(gguf, "general.architecture")};
  for (const std::int64_t type :
       value_or_empty<std::vector<std::int64_t>>(gguf, "tokenizer.ggml.token_type")) {
    vocabulary.token_types.push_back(static_cast<std::int32_t>(type));
  }
  return vocabulary;
}

Tokenizer open_tokenizer(const Checkpoint& checkpoint) {
  const auto gguf = checkpoint.gguf();
  if (gguf == nullptr) return Tokenizer::load(checkpoint.folder());
  try {
    return Tokenizer::from_parts(gguf_vocabulary(*gguf));
  } catch (const Error& error) {
    throw Error(error.kind(), cat(gguf->path().string(), ": ", error.what()));
  }
}

std::optional<ChatTemplate> open_chat_template(const Checkpoint& checkpoint) {
  const auto gguf = checkpoint.gguf();
  if (gguf == nullptr) return read_chat_template(checkpoint.folder());
  const auto* text = gguf->get<std::string>("tokenizer.chat_template");
  if (text == nullptr) return std::nullopt;
  return parse_chat_template(*text, special_tokens(*gguf), gguf->path().string());
}

}  // namespace bsbr
