#include "engine/checkpoint/foreign_format.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/base/error.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

constexpr std::string_view kLfsMagic = "version https://git-lfs.github.com/spec/";

bool is_pickle(std::string_view head) {
  return head.size() >= 2 && head[0] == '\x80' && head[1] >= '\x02' && head[1] <= '\x05';
}

std::string convert_file(std::string_view what, const std::filesystem::path& path) {
  return cat("is ", what, " that torch.save wrote, not a safetensors file. Convert it: rename it to ",
             path.stem().string(),
             ".bin, then run  python3 -c \"import torch, safetensors.torch as s; s.save_file({k: "
             "v.clone().contiguous() for k, v in torch.load('",
             path.stem().string(), ".bin', weights_only=True).items()}, '", path.filename().string(), "')\"");
}

}  // namespace

void refuse_foreign_format(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<std::size_t>(bytes.size(), 64));
  std::string what;
  if (head.starts_with(kLfsMagic)) {
    what = "is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder";
  } else if (head.starts_with("PK\x03\x04")) {
    what = convert_file("a zip archive", path);
  } else if (is_pickle(head)) {
    what = convert_file("a Python pickle", path);
  } else if (head.starts_with("GGUF")) {
    what = "is a GGUF file, not a safetensors file; give it a name that ends in .gguf, and open that file";
  } else if (head.starts_with("<!DOCTYPE") || head.starts_with("<!doctype") || head.starts_with("<html")) {
    what = "is a web page, not a safetensors file: the download failed; download it again";
  }
  if (!what.empty()) throw Error(ErrorKind::Unsupported, cat(path.string(), ": ", what));
}

bool is_foreign_weight_file(const std::filesystem::path& name) {
  static constexpr std::array<std::string_view, 7> kEndings{".bin", ".pt",      ".pth", ".ckpt",
                                                            ".h5",  ".msgpack", ".gguf"};
  const std::string ending = name.extension().string();
  // training_args.bin is the Trainer's pickle of its settings; it lies beside many good checkpoints.
  return name.filename() != "training_args.bin" && std::ranges::find(kEndings, ending) != kEndings.end();
}

void refuse_foreign_weights(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  const auto gguf =
      std::ranges::find_if(names, [](const std::string& name) { return name.ends_with(".gguf"); });
  if (gguf != names.end()) {
    throw Error(
        ErrorKind::Unsupported,
        cat(folder.string(), ": holds its weights as ", list_names(names, 3), " beside a config.json, which ",
            "GGUF does not need; give the GGUF file itself: ", (folder / *gguf).string()));
  }
  throw Error(
      ErrorKind::Unsupported,
      cat(folder.string(), ": holds its weights as ", list_names(names, 3),
          ", but only safetensors and GGUF files can be read. Convert it:  python3 -c \"from transformers "
          "import "
          "AutoModelForCausalLM; d = '",
          folder.string(),
          "'; AutoModelForCausalLM.from_pretrained(d).save_pretrained(d, safe_serialization=True)\""));
}

}  // namespace bsbr
