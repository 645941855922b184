#include "engine/export/gguf_tokenizer.h"

#include <nlohmann/json.hpp>

#include "engine/base/error.h"

namespace bsbr {
namespace {

using nlohmann::json;

constexpr std::int32_t kUnknown = 2, kControl = 3, kUserDefined = 4;

json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

json sequence(json first, json second) {
  return {{"type", "Sequence"}, {"pretokenizers", json::array({std::move(first), std::move(second)})}};
}

/// Llama 3's split; Qwen2's differs in how many digits go together.
json split(const char* digits) {
  const std::string pattern = cat(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)", digits,
                                  R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

json pre_tokenizer(const std::string& pre) {
  if (pre.empty() || pre == "default" || pre == "gpt-2") return byte_level(true);
  if (pre == "smollm") return sequence({{"type", "Digits"}, {"individual_digits", true}}, byte_level(true));
  if (pre == "llama-bpe") return sequence(split(R"(\p{N}{1,3})"), byte_level(false));
  if (pre == "qwen2") return sequence(split(R"(\p{N})"), byte_level(false));
  throw Error(ErrorKind::Unsupported,
              cat("the tokenizer splits text as \"", pre, "\", which cannot be exported"));
}

}  // namespace

json tokenizer_json(const GgufVocabulary& gguf) {
  json vocabulary = json::object();
  json added = json::array();
  for (std::size_t id = 0; id < gguf.tokens.size(); ++id) {
    vocabulary[gguf.tokens[id]] = id;
    const std::int32_t type = id < gguf.token_types.size() ? gguf.token_types[id] : 0;
    const auto token = static_cast<TokenId>(id);
    const bool ends = gguf.token_types.empty() && (gguf.bos == token || gguf.eos == token);
    if (!ends && type != kControl && type != kUserDefined && type != kUnknown) continue;
    added.push_back({{"id", id},
                     {"content", gguf.tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", type != kUserDefined}});
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", gguf.pre == "qwen2" ? json{{"type", "NFC"}} : json(nullptr)},
          {"pre_tokenizer", pre_tokenizer(gguf.pre)},
          {"post_processor", nullptr},
          {"decoder", byte_level(true)},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", gguf.pre == "llama-bpe"},
            {"vocab", std::move(vocabulary)},
            {"merges", gguf.merges}}}};
}

}  // namespace bsbr
