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

std::string_view head_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 64)};
}

/// The first name with one of the endings.
std::vector<std::string>::const_iterator find_ending(const std::vector<std::string>& names,
                                                     std::initializer_list<std::string_view> endings) {
  return std::ranges::find_if(names, [&](const std::string& name) {
    return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
  });
}

/// What `names` are, and what to do.
std::string foreign_weights(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  const std::string listed = list_names(names, 3);
  if (const auto gguf = find_ending(names, {".gguf"}); gguf != names.end()) {
    return cat("holds its weights as ", listed,
               " beside a config.json, which GGUF does not need; give the GGUF file itself: ",
               (folder / *gguf).string());
  }
  if (std::ranges::find(names, kPublishedBsbr) != names.end()) {
    return cat(
        "holds ", kPublishedBsbr,
        ", a model of the published BSBR converter, whose attention has weights of its own that have no "
        "place here; convert the original model again:  bsbr convert CKPT OUT");
  }
  if (std::ranges::any_of(names, [](const std::string& name) {
        return name.starts_with("pytorch_model-") && name.ends_with(".bin");
      })) {
    return cat("holds ", listed,
               ", parts of a checkpoint whose list, pytorch_model.bin.index.json, is missing; "
               "download it again");
  }
  if (find_ending(names, {".bin", ".pt", ".pth", ".ckpt"}) != names.end()) {
    return cat(
        "holds its weights as ", listed,
        "; if that is a model's state dict of torch.save with the names that transformers gives, name it "
        "pytorch_model.bin");
  }
  return cat(
      "holds its weights as ", listed,
      ", but only safetensors, pytorch_model.bin and GGUF files can be read. Convert it:  python3 -c \"from "
      "transformers import AutoModelForCausalLM; d = '",
      folder.string(), "'; AutoModelForCausalLM.from_pretrained(d, ",
      find_ending(names, {".h5"}) != names.end() ? "from_tf=True" : "from_flax=True",
      ").save_pretrained(d, safe_serialization=True)\"");
}

}  // namespace

void refuse_misnamed(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  const std::string_view head = head_of(bytes);
  std::string_view what;
  if (head.starts_with(kLfsMagic)) {
    what = "is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder";
  } else if (head.starts_with("GGUF")) {
    what = "is a GGUF file; give it a name that ends in .gguf, and open that file";
  } else if (head.starts_with("<!DOCTYPE") || head.starts_with("<!doctype") || head.starts_with("<html")) {
    what = "is a web page, not a model's weights: the download failed; download it again";
  }
  if (!what.empty()) throw Error(ErrorKind::Unsupported, cat(path.string(), ": ", what));
}

void refuse_foreign_format(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  refuse_misnamed(bytes, path);
  const std::string_view head = head_of(bytes);
  const bool zip = head.starts_with("PK\x03\x04");
  if (!zip && !is_pickle(head)) return;
  throw Error(ErrorKind::Unsupported,
              cat(path.string(), ": is ", zip ? "a zip archive" : "a Python pickle",
                  " as torch.save writes; if it holds a model's state dict, name it pytorch_model.bin"));
}

bool is_foreign_weight_file(const std::filesystem::path& name) {
  static constexpr std::array<std::string_view, 7> kEndings{".bin", ".pt",      ".pth", ".ckpt",
                                                            ".h5",  ".msgpack", ".gguf"};
  const std::string ending = name.extension().string();
  // training_args.bin is the Trainer's pickle of its settings; it lies beside many good checkpoints.
  return name.filename() != "training_args.bin" && std::ranges::find(kEndings, ending) != kEndings.end();
}

void refuse_foreign_weights(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  throw Error(ErrorKind::Unsupported, cat(folder.string(), ": ", foreign_weights(folder, names)));
}

}  // namespace bsbr
