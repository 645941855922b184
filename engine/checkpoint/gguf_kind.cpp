#include "engine/checkpoint/gguf_kind.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace bsbr {
namespace {

/// A key, the value that tells ("" for any), and what the file is.
struct Sign {
  std::string_view key, value, what;
};
constexpr std::string_view kAdapter =
    "is an adapter (LoRA), changes to a model and not a model; merge it into its base model first: "
    "llama-export-lora -m BASE.gguf --lora FILE -o MERGED.gguf";
constexpr std::string_view kEncoder =
    "is the image or audio encoder of a multimodal model (mmproj), not a language model; give the model's "
    "other GGUF file";
constexpr std::string_view kImatrix =
    "is an importance matrix (imatrix), which llama-quantize reads, not a model; give the model's own GGUF "
    "file";
constexpr std::array<Sign, 8> kSigns{{{"general.type", "adapter", kAdapter},
                                      {"adapter.type", "", kAdapter},
                                      {"general.type", "mmproj", kEncoder},
                                      {"general.architecture", "clip", kEncoder},
                                      {"general.type", "imatrix", kImatrix},
                                      {"imatrix.chunk_count", "", kImatrix},
                                      {"imatrix.datasets", "", kImatrix},
                                      {"general.architecture", "controlvector",
                                       "is a control vector, changes to a model and not a model; give the "
                                       "model's own GGUF file"}}};

bool shows(const GgufMetadata& metadata, const Sign& sign) {
  const auto at = metadata.find(sign.key);
  if (at == metadata.end()) return false;
  const auto* const text = std::get_if<std::string>(&at->second);
  return sign.value.empty() || (text != nullptr && *text == sign.value);
}

}  // namespace

void refuse_other_gguf(const GgufFile& file) {
  const auto* const sign =
      std::ranges::find_if(kSigns, [&](const Sign& each) { return shows(file.metadata(), each); });
  std::string_view what;
  if (sign != kSigns.end()) {
    what = sign->what;
  } else if (file.tensors().empty() && file.metadata().contains("tokenizer.ggml.tokens")) {
    what = "holds a vocabulary alone and no weights; give the model's own GGUF file";
  }
  if (!what.empty()) throw Error(ErrorKind::Unsupported, cat(file.path().string(), ": ", what));
}

}  // namespace bsbr
