#include "engine/export/gguf_tokenizer.h"

#include <string_view>
#include <unordered_set>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/utf8.h"
#include "engine/tokenizer/gguf_pre_tokenizer.h"
#include "engine/tokenizer/tokenizer_class.h"

namespace bsbr {
namespace {

using nlohmann::json;

constexpr std::int32_t kUserDefined = 4;

json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

json split(std::string_view pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

json pre_tokenizer(const GgufPreTokenizer& kind) {
  if (kind.splits.empty()) return byte_level(kind.gpt2_split);
  json steps = json::array();
  for (const std::string_view pattern : kind.splits) steps.push_back(split(pattern));
  steps.push_back(byte_level(kind.gpt2_split));
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

std::string text_of(const GgufVocabulary& gguf, TokenId id) {
  return gguf.tokens[static_cast<std::size_t>(id)];
}

json post_processor(const GgufVocabulary& gguf) {
  const auto first = gguf.first_token();
  const auto last = gguf.last_token();
  if (!first && !last) return byte_level(true);  // does nothing to the ids
  json specials = json::object();
  const auto piece = [&](TokenId id, int type) {
    const std::string text = text_of(gguf, id);
    specials[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
    return json{{"SpecialToken", {{"id", text}, {"type_id", type}}}};
  };
  json single = json::array();
  json pair = json::array();
  for (const auto& [name, type] : {std::pair("A", 0), std::pair("B", 1)}) {
    json pieces = json::array();
    if (first) pieces.push_back(piece(*first, type));
    pieces.push_back({{"Sequence", {{"id", name}, {"type_id", type}}}});
    if (last) pieces.push_back(piece(*last, type));
    if (type == 0) single = pieces;
    pair.insert(pair.end(), pieces.begin(), pieces.end());
  }
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(specials)}};
}

// What tokenizer.json and tokenizer_config.json both say of an added token.
json added_token(const GgufVocabulary& gguf, std::size_t id) {
  const bool user_defined = id < gguf.token_types.size() && gguf.token_types[id] == kUserDefined;
  return {{"content", gguf.tokens[id]}, {"single_word", false},    {"lstrip", false}, {"rstrip", false},
          {"normalized", false},        {"special", !user_defined}};
}

bool is_added(const GgufVocabulary& gguf, std::size_t id) {
  return !gguf.tokens[id].empty() && gguf.is_special(id);
}

json vocabulary_of(const GgufVocabulary& gguf) {
  json vocabulary = json::object();
  for (std::size_t id = 0; id < gguf.tokens.size(); ++id) {
    if (!gguf.tokens[id].empty()) vocabulary[gguf.tokens[id]] = id;
  }
  return vocabulary;
}

// llama.cpp counts the first of a repeated merge, tokenizers the last.
json merges_of(const GgufVocabulary& gguf) {
  json merges = json::array();
  std::unordered_set<std::string_view> seen;
  for (const std::string& merge : gguf.merges) {
    if (seen.insert(merge).second) merges.push_back(merge);
  }
  return merges;
}

}  // namespace

void check_gguf_tokenizer_export(const GgufVocabulary& gguf) {
  static_cast<void>(Tokenizer::from_parts(gguf));
  const GgufPreTokenizer& kind = gguf_pre_tokenizer(gguf.pre);
  const bool as_qwen2 = kind.nfc && !kind.gpt2_split && !kind.ignore_merges && kind.splits.size() == 1 &&
                        kind.splits[0] == kQwen2Split;
  if (gguf.architecture == "qwen2" && !as_qwen2) {
    throw Error(ErrorKind::Unsupported, cat("tokenizer.ggml.pre is \"", gguf.pre,
                                            "\", but transformers splits the text of every qwen2 ",
                                            "model as \"qwen2\", so the tokenizer cannot be exported"));
  }
  for (std::size_t id = 0; id < gguf.tokens.size(); ++id) {
    if (is_valid_utf8(gguf.tokens[id])) continue;
    throw Error(ErrorKind::Unsupported, cat("tokenizer.ggml.tokens is not valid UTF-8 at ", id,
                                            ", which tokenizer.json cannot hold; export another file"));
  }
}

json tokenizer_json(const GgufVocabulary& gguf) {
  const GgufPreTokenizer& kind = gguf_pre_tokenizer(gguf.pre);
  json added = json::array();
  for (std::size_t id = 0; id < gguf.tokens.size(); ++id) {
    if (!is_added(gguf, id)) continue;
    json token = added_token(gguf, id);
    token["id"] = id;
    added.push_back(std::move(token));
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", kind.nfc ? json{{"type", "NFC"}} : json(nullptr)},
          {"pre_tokenizer", pre_tokenizer(kind)},
          {"post_processor", post_processor(gguf)},
          {"decoder", byte_level(true)},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", kind.ignore_merges},
            {"vocab", vocabulary_of(gguf)},
            {"merges", merges_of(gguf)}}}};
}

json tokenizer_config_json(const GgufVocabulary& gguf, const std::string& chat_template) {
  json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
              {"model_input_names", {"input_ids", "attention_mask"}},
              {"clean_up_tokenization_spaces", false}};
  json decoder = json::object();
  for (std::size_t id = 0; id < gguf.tokens.size(); ++id) {
    if (is_added(gguf, id)) decoder[std::to_string(id)] = added_token(gguf, id);
  }
  config["added_tokens_decoder"] = std::move(decoder);
  // Null where there is none: a class would put in one of its own.
  const auto name = [&](const char* role, std::optional<TokenId> id) {
    const auto known = gguf.known(id);
    config[role] = known ? json(text_of(gguf, *known)) : json(nullptr);
  };
  name("bos_token", gguf.bos);
  name("eos_token", gguf.eos);
  name("unk_token", gguf.unk);
  name("pad_token", gguf.pad);
  if (!chat_template.empty()) config["chat_template"] = chat_template;
  return config;
}

}  // namespace bsbr
