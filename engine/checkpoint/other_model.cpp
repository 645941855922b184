#include "engine/checkpoint/other_model.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

constexpr std::array<std::string_view, 24> kEncoders{
    "bert",           "roberta",    "distilbert",  "albert",     "electra",       "deberta",
    "deberta-v2",     "xlm",        "xlm-roberta", "camembert",  "mpnet",         "nomic_bert",
    "modernbert",     "longformer", "big_bird",    "funnel",     "esm",           "roformer",
    "xlm-roberta-xl", "layoutlm",   "squeezebert", "mobilebert", "megatron-bert", "new"};
constexpr std::array<std::string_view, 18> kEncoderDecoders{"t5",
                                                            "mt5",
                                                            "umt5",
                                                            "longt5",
                                                            "bart",
                                                            "mbart",
                                                            "pegasus",
                                                            "marian",
                                                            "m2m_100",
                                                            "blenderbot",
                                                            "blenderbot-small",
                                                            "led",
                                                            "prophetnet",
                                                            "fsmt",
                                                            "switch_transformers",
                                                            "encoder-decoder",
                                                            "bigbird_pegasus",
                                                            "t5gemma"};
constexpr std::array<std::string_view, 24> kImages{
    "vit",          "deit",   "beit",           "swin",       "swinv2",       "convnext",
    "convnextv2",   "resnet", "dinov2",         "dinov3_vit", "detr",         "segformer",
    "sam",          "clip",   "siglip",         "siglip2",    "vit_mae",      "mobilevit",
    "efficientnet", "yolos",  "depth_anything", "dpt",        "chinese_clip", "clip_vision_model"};
constexpr std::array<std::string_view, 14> kSpeech{
    "whisper",  "wav2vec2", "wav2vec2-bert", "hubert", "wavlm",        "speecht5",       "bark",
    "musicgen", "encodec",  "clap",          "vits",   "seamless_m4t", "speech_to_text", "moonshine"};
constexpr std::array<std::string_view, 22> kMultimodal{"llava",
                                                       "llava_next",
                                                       "llava_onevision",
                                                       "video_llava",
                                                       "qwen2_vl",
                                                       "qwen2_5_vl",
                                                       "qwen2_audio",
                                                       "qwen2_5_omni",
                                                       "qwen3_vl",
                                                       "mllama",
                                                       "paligemma",
                                                       "idefics",
                                                       "idefics2",
                                                       "idefics3",
                                                       "smolvlm",
                                                       "blip",
                                                       "blip-2",
                                                       "instructblip",
                                                       "internvl",
                                                       "pixtral",
                                                       "git",
                                                       "vision-encoder-decoder"};

struct Kind {
  std::span<const std::string_view> types;
  std::string_view what;
};
const std::array<Kind, 5> kKinds{
    {{kEncoders, "an encoder, which reads text and generates none"},
     {kEncoderDecoders, "an encoder with a decoder, which turns one text into another"},
     {kImages, "a model of images"},
     {kSpeech, "a model of speech or sound"},
     {kMultimodal, "a multimodal model, whose language model is not opened by itself"}}};

std::string_view kind_of(std::string_view type, const nlohmann::json& config) {
  for (const Kind& kind : kKinds) {
    if (std::ranges::find(kind.types, type) != kind.types.end()) return kind.what;
  }
  const bool several = config.contains("text_config") || config.contains("vision_config");
  return several ? kKinds.back().what : std::string_view();
}

}  // namespace

void refuse_other_model(const std::filesystem::path& path, const nlohmann::json& config) {
  static constexpr std::array<std::string_view, 3> kOurs{"gpt2", "llama", "qwen2"};
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::Unsupported,
                cat(path.string(), ": ", what, "; gpt2, llama and qwen2 models are supported"));
  };
  const auto type = config.find("model_type");
  if (type == config.end() || !type->is_string()) {
    if (const auto part = config.find("_class_name"); part != config.end() && part->is_string())
      fail(cat("_class_name is ", in_quotes(part->get<std::string>()), ": a part of a diffusion pipeline"));
    return;
  }
  const auto& name = type->get_ref<const std::string&>();
  if (std::ranges::find(kOurs, name) != kOurs.end()) return;
  if (const std::string_view what = kind_of(name, config); !what.empty())
    fail(cat("model_type is ", in_quotes(name), ": ", what));
}

}  // namespace bsbr
