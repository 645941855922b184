#include "engine/tokenizer/gguf_pre_tokenizer.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/tokenizer/tokenizer_class.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {
namespace {

constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kThreeDigits = R"(\p{N}{1,3})";
constexpr std::string_view kLlama3Split = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|)"
                                          R"([^\r\n\p{L}\p{N}]?\p{L}+|)"
                                          R"(\p{N}{1,3}|)"
                                          R"( ?[^\s\p{L}\p{N}]+[\r\n]*|)"
                                          R"(\s*[\r\n]+|)"
                                          R"(\s+(?!\S)|)"
                                          R"(\s+)";
constexpr std::string_view kMiniCpmSplit = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|)"
                                           R"([^\r\n\p{L}\p{N}]?\p{L}+|)"
                                           R"(\p{N}+|)"
                                           R"( ?[^\s\p{L}\p{N}]+[\r\n]*|)"
                                           R"(\s*[\r\n]+|)"
                                           R"(\s+(?!\S)|)"
                                           R"(\s+)";
constexpr std::string_view kSeedSplit = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|)"
                                        R"([^\r\n\p{L}\p{N}]?\p{L}+|)"
                                        R"(\p{N}{1}|)"
                                        R"( ?[^\s\p{L}\p{N}\r\n]+|)"
                                        R"(\s*[\r\n]+|)"
                                        R"(\s+(?!\S)|)"
                                        R"(\s+)";
constexpr std::string_view kO200kSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|)"
    R"(\s*[\r\n]+|)"
    R"(\s+(?!\S)|)"
    R"(\s+)";
constexpr std::string_view kTekkenSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|)"
    R"(\s*[\r\n]+|)"
    R"(\s+(?!\S)|)"
    R"(\s+)";
constexpr std::string_view kDeepSeekKana = R"([一-龥぀-ゟ゠-ヿ]+)";
constexpr std::string_view kDeepSeekSplit = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
                                            R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
                                            R"( ?[\p{P}\p{S}]+[\r\n]*|)"
                                            R"(\s*[\r\n]+|)"
                                            R"(\s+(?!\S)|)"
                                            R"(\s+)";
// DeepSeek's first models: line breaks, cased letters, punctuation, white space at the end, CJK.
constexpr std::string_view kBreak = R"([\r\n])";
constexpr std::string_view kCasedLetters =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBEῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";
constexpr std::string_view kWidePunctuation = R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)";
constexpr std::string_view kWhiteEnd = R"(\s+$)";
constexpr std::string_view kCjk = R"([一-龥ࠀ-一가-퟿]+)";
constexpr std::string_view kBloomSplit = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

// A file without a name, and one that says "default", is read as GPT-2's.
const std::vector<GgufPreTokenizer>& known() {
  static const std::vector<GgufPreTokenizer> table = {
      {.names = {"gpt-2", "default", "", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de",
                 "gigachat", "a.x-4.0", "mellum", "modern-bert", "exaone4", "jais", "trillion",
                 "granite-docling"},
       .gpt2_split = true},
      {.names = {"olmo", "mpt"}, .gpt2_split = true, .nfc = true},
      {.names = {"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"},
       .splits = {kDigit},
       .gpt2_split = true},
      {.names = {"command-r"}, .splits = {kDigit}, .gpt2_split = true, .nfc = true},
      {.names = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
                 "jina-v5-nano"},
       .splits = {kLlama3Split},
       .ignore_merges = true,
       .add_bos = true},
      {.names = {"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}, .splits = {kLlama3Split}},
      {.names = {"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez"},
       .splits = {kQwen2Split},
       .nfc = true},
      {.names = {"stablelm2", "hunyuan", "solar-open", "grok-2"}, .splits = {kQwen2Split}},
      {.names = {"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"}, .splits = {kO200kSplit}},
      {.names = {"tekken"}, .splits = {kTekkenSplit}, .ignore_merges = true, .add_bos = true},
      {.names = {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
       .splits = {kThreeDigits, kDeepSeekKana, kDeepSeekSplit}},
      {.names = {"deepseek-llm"},
       .splits = {kBreak, kCasedLetters, kWidePunctuation, kWhiteEnd, kCjk, R"(\p{N}+)"}},
      {.names = {"deepseek-coder"}, .splits = {kBreak, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kCjk, kDigit}},
      {.names = {"seed-coder"}, .splits = {kSeedSplit}},
      {.names = {"minicpm5"}, .splits = {kThreeDigits, kMiniCpmSplit}, .ignore_merges = true},
      {.names = {"bloom", "poro-chat", "gpt3-finnish"}, .splits = {kBloomSplit}},
      {.names = {"viking"}, .splits = {kBloomSplit, kDigit}},
  };
  return table;
}

}  // namespace

const GgufPreTokenizer& gguf_pre_tokenizer(const std::string& pre) {
  for (const GgufPreTokenizer& kind : known()) {
    if (std::find(kind.names.begin(), kind.names.end(), pre) != kind.names.end()) return kind;
  }
  throw Error(ErrorKind::Unsupported,
              cat("tokenizer.ggml.pre is ", quoted(pre), ", a way of splitting text that is not known here; ",
                  "open the model's original folder, whose tokenizer.json says how"));
}

bool is_special_gguf_type(int type) {
  constexpr int kUnknown = 2, kControl = 3, kUserDefined = 4;
  return type == kUnknown || type == kControl || type == kUserDefined;
}

}  // namespace bsbr
