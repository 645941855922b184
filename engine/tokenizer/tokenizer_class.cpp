#include "engine/tokenizer/tokenizer_class.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/tokenizer/oniguruma_pattern.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {
namespace {

constexpr std::string_view kEnd = "<|endoftext|>";

constexpr std::array kOwn = {
    TokenizerClass{.name = "GPT2Tokenizer", .bos = kEnd, .eos = kEnd, .unk = kEnd, .pad = {}},
    TokenizerClass{.name = "CodeGenTokenizer", .bos = kEnd, .eos = kEnd, .unk = kEnd, .pad = {}},
    TokenizerClass{.name = "Qwen2Tokenizer",
                   .bos = {},
                   .eos = kEnd,
                   .unk = kEnd,
                   .pad = kEnd,
                   .qwen2_split = true,
                   .nfc = true,
                   .plain_specials = true},
    TokenizerClass{.name = "GPTNeoXTokenizer",
                   .bos = kEnd,
                   .eos = kEnd,
                   .unk = kEnd,
                   .pad = "<|padding|>",
                   .nfc = true,
                   .drops_post_processor = true}};

// Classes with other pipelines, without "Tokenizer" at their end. A name that transformers does not know
// leaves the pipeline to tokenizer.json.
constexpr std::array<std::string_view, 91> kOthers = {"Albert",
                                                      "Bart",
                                                      "Barthez",
                                                      "Bartpho",
                                                      "BertGeneration",
                                                      "BertJapanese",
                                                      "Bert",
                                                      "Bertweet",
                                                      "BigBird",
                                                      "BioGpt",
                                                      "BlenderbotSmall",
                                                      "Blenderbot",
                                                      "ByT5",
                                                      "CLIP",
                                                      "CTRL",
                                                      "Camembert",
                                                      "Canine",
                                                      "Clvp",
                                                      "CodeLlama",
                                                      "Cohere",
                                                      "CpmAnt",
                                                      "Cpm",
                                                      "DPRQuestionEncoder",
                                                      "Deberta",
                                                      "DebertaV2",
                                                      "Dia",
                                                      "Esm",
                                                      "Esmc",
                                                      "FNet",
                                                      "FSMT",
                                                      "FastSpeech2Conformer",
                                                      "Flaubert",
                                                      "Funnel",
                                                      "GPTNeoXJapanese",
                                                      "GPTSw3",
                                                      "Gemma",
                                                      "Herbert",
                                                      "LED",
                                                      "Lasr",
                                                      "LayoutLMv2",
                                                      "LayoutLMv3",
                                                      "LayoutXLM",
                                                      "Longformer",
                                                      "Luke",
                                                      "Lxmert",
                                                      "M2M100",
                                                      "MBart50",
                                                      "MBart",
                                                      "MLuke",
                                                      "MPNet",
                                                      "Marian",
                                                      "MarkupLM",
                                                      "Mgpstr",
                                                      "MobileBert",
                                                      "Mvp",
                                                      "MyT5",
                                                      "Nllb",
                                                      "Nougat",
                                                      "OpenAIGPT",
                                                      "PLBart",
                                                      "Parakeet",
                                                      "Pegasus",
                                                      "Perceiver",
                                                      "Phobert",
                                                      "ProphetNet",
                                                      "Qwen3_5",
                                                      "Rag",
                                                      "Reformer",
                                                      "RemBert",
                                                      "RoCBert",
                                                      "RoFormer",
                                                      "Roberta",
                                                      "SeamlessM4T",
                                                      "Siglip2",
                                                      "Siglip",
                                                      "Speech2Text",
                                                      "SpeechT5",
                                                      "Splinter",
                                                      "T5",
                                                      "Tapas",
                                                      "Tipsv2",
                                                      "Udop",
                                                      "VideoPrism",
                                                      "Vits",
                                                      "Wav2Vec2CTC",
                                                      "Wav2Vec2PhonemeCTC",
                                                      "Whisper",
                                                      "XGLM",
                                                      "XLMRoberta",
                                                      "XLM",
                                                      "XLNet"};

void drop_end(std::string& name, std::string_view end) {
  if (name.ends_with(end)) name.resize(name.size() - end.size());
}

const TokenizerClass* own_class(std::string_view name) {
  const auto* const found =
      std::find_if(kOwn.begin(), kOwn.end(), [&](const TokenizerClass& own) { return own.name == name; });
  return found == kOwn.end() ? nullptr : &*found;
}

TokenizerClassChoice by_name(const JsonEntry& entry) {
  std::string name = entry.text();
  drop_end(name, "Fast");
  TokenizerClassChoice choice{own_class(name),
                              cat(entry.file().string(), ": the tokenizer is a ", quoted(entry.text()))};
  drop_end(name, "Tokenizer");
  if (choice.own == nullptr && std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) {
    entry.unsupported(cat("is ", quoted(entry.text()), ", which splits text in a way of its own; ",
                          "GPT2Tokenizer, Qwen2Tokenizer, GPTNeoXTokenizer, CodeGenTokenizer and what ",
                          "tokenizer.json says are known"));
  }
  return choice;
}

}  // namespace

const std::string_view kQwen2Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

PreTokenizer TokenizerClass::split(bool prefix_space) const {
  std::vector<PreTokenizer::Step> steps;
  if (qwen2_split) steps.push_back({.pattern = SplitPattern(pcre2_pattern_of(kQwen2Split))});
  add_byte_level(steps, prefix_space, !qwen2_split);
  return PreTokenizer(std::move(steps));
}

Normalizer TokenizerClass::normalizer() const {
  Normalizer normalizer;
  if (nfc) normalizer.add_nfc();
  return normalizer;
}

TokenizerClassChoice choose_tokenizer_class(const JsonEntry& tokenizer_config, const JsonEntry& config,
                                            bool has_tokenizer_json) {
  const JsonEntry type = config.at("model_type");
  const std::string model_type = type.value().is_string() ? type.text() : "";
  const std::string model = cat(config.file().string(), ": the model is a ", quoted(model_type));
  if (model_type == "qwen2") return {own_class("Qwen2Tokenizer"), model};
  for (const JsonEntry& file : {tokenizer_config, config}) {
    if (const JsonEntry name = file.at("tokenizer_class"); !name.is_null()) return by_name(name);
  }
  if (model_type == "gpt2" || (model_type.empty() && !has_tokenizer_json)) {
    return {own_class("GPT2Tokenizer"), model};
  }
  return {nullptr, cat(model, " and no file names its tokenizer's class")};
}

}  // namespace bsbr
