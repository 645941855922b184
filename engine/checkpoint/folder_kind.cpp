#include "engine/checkpoint/folder_kind.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>

#include "engine/base/json_file.h"
#include "engine/checkpoint/part_name.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/weight_files.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

constexpr const char* kAdapterConfig = "adapter_config.json";
constexpr std::uint64_t kMaxAdapterConfig = 2u << 20;

/// An entry's name, where a * stands for anything, and what it shows.
struct Sign {
  std::string_view name, what;
};
constexpr std::string_view kAdapter =
    "an adapter, changes to a model and not a model; merge it into its base model first, with peft's "
    "merge_and_unload(), and open what that saves";
constexpr std::string_view kOriginal =
    "the format of its publisher (Meta's or Mistral's), not HuggingFace's; get the form of the model that "
    "has "
    "config.json and model.safetensors, or convert it with the script of transformers for it";
constexpr std::string_view kExport =
    "a model exported for another program, from which no weights are read; get the original checkpoint, with "
    "config.json and model.safetensors";
constexpr std::string_view kSharded =
    "a training's files of several processes; gather them into one checkpoint first, with save_pretrained()";
constexpr std::string_view kDiffusion = "a diffusion pipeline, which makes images and no text";
constexpr std::string_view kTokenizer =
    "a tokenizer and no model; give the folder that has config.json and the weights, too";

// The first that fits is told.
constexpr std::array<Sign, 40> kSigns{
    {{"adapter_config.json", kAdapter},
     {"adapter_model.*", kAdapter},
     {"model_index.json", kDiffusion},
     {"diffusion_pytorch_model*", kDiffusion},
     {"snapshots",
      "a model of the hub cache, whose files lie in a folder of snapshots; give that one, or the model's "
      "name, as in org/name"},
     {"consolidated*.safetensors", kOriginal},
     {"consolidated*.pth", kOriginal},
     {"params.json", kOriginal},
     {"*.onnx", kExport},
     {"onnx", kExport},
     {"openvino_*", kExport},
     {"*.engine", kExport},
     {"*.plan", kExport},
     {"*.mlpackage", kExport},
     {"*.mlmodel", kExport},
     {"*.mlmodelc", kExport},
     {"*.tflite", kExport},
     {"*.litertlm", kExport},
     {"*.pte", kExport},
     {"*.llamafile", kExport},
     {"rust_model.ot", kExport},
     {"mlc-chat-config.json", kExport},
     {"ndarray-cache.json", kExport},
     {"saved_model.pb", kExport},
     {"*.nemo", "a NeMo archive; convert it to HuggingFace's format with the script of NeMo for its family"},
     {"model_weights", "a NeMo checkpoint; convert it to HuggingFace's format with NeMo's own script"},
     {"latest_checkpointed_iteration.txt",
      "a Megatron checkpoint; convert it to HuggingFace's format with Megatron's own tools"},
     {"mp_rank_*", "a part of a Megatron checkpoint; convert the whole of it to HuggingFace's format"},
     {"zero_to_fp32.py",
      "a checkpoint of DeepSpeed; gather it first: python3 zero_to_fp32.py . . --safe_serialization"},
     {"*.distcp", kSharded},
     {"pytorch_model_fsdp*", kSharded},
     {"ggml-*.bin",
      "a GGML file, of the time before GGUF; get a GGUF file of the model, or the original checkpoint"},
     {"ggml_*.bin",
      "a GGML file, of the time before GGUF; get a GGUF file of the model, or the original checkpoint"},
     {"checkpoint-*", "a training's folder of checkpoints; give one of them"},
     {"tokenizer.json", kTokenizer},
     {"tokenizer.model", kTokenizer},
     {"vocab.json", kTokenizer},
     {"tokenizer_config.json", kTokenizer},
     {"preprocessor_config.json", "a preprocessor of images or sound, and no language model"},
     {"processor_config.json", "a preprocessor of images or sound, and no language model"}}};

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Error(ErrorKind::Unsupported, cat(path.string(), ": ", what));
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename().string());
  std::ranges::sort(names);
  return names;
}

bool fits(std::string_view name, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return name == pattern;
  const std::string_view begin = pattern.substr(0, star);
  const std::string_view end = pattern.substr(star + 1);
  return name.size() >= begin.size() + end.size() && name.starts_with(begin) && name.ends_with(end);
}

/// The weights are in several files, of which `names` are those that are there, without an index.
void refuse_parts(const std::string& where, const std::vector<std::string>& names) {
  constexpr std::array<std::string_view, 2> kIndices{kIndexFile, kTorchIndexFile};
  constexpr std::array<std::string_view, 2> kEndings{".safetensors", ".bin"};
  for (std::size_t i = 0; i < kEndings.size(); ++i) {
    std::vector<std::string> parts;
    std::uint32_t count = 0;
    for (const std::string& name : names) {
      const auto part = parse_part_name(name, kEndings[i]);
      if (!part) continue;
      parts.push_back(name);
      count = part->count;
    }
    if (parts.empty()) continue;
    refuse(where, cat("holds ", parts.size(), " of the ", count, " files of a checkpoint's weights, ",
                      list_names(parts, 3), ", whose list, ", kIndices.at(i), ", is missing; download ",
                      parts.size() < count ? "all of them and the list" : "it", " again"));
  }
}

std::string text_at(const nlohmann::json& config, std::string_view key) {
  const auto at = config.find(key);
  return at != config.end() && at->is_string() ? at->get<std::string>() : std::string();
}

/// As papers write it.
std::string adapter_kind(const std::string& type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNames{
      {{"", "LoRA"},
       {"LORA", "LoRA"},
       {"ADALORA", "AdaLoRA"},
       {"LOHA", "LoHa"},
       {"LOKR", "LoKr"},
       {"VERA", "VeRA"}}};
  const auto* const known = std::ranges::find(kNames, type, [](const auto& name) { return name.first; });
  return known == kNames.end() ? in_quotes(type) : std::string(known->second);
}

/// What the settings of an adapter say.
nlohmann::json read_adapter(const fs::path& path) {
  try {
    std::vector<std::string> ignored;
    return read_python_json(path, kMaxAdapterConfig, ignored);
  } catch (const Error&) {
    return nlohmann::json::object();  // it is an adapter all the same
  }
}

}  // namespace

void refuse_adapter(const fs::path& folder) {
  if (!has_entry(folder / kAdapterConfig)) return;
  const nlohmann::json config = read_adapter(folder / kAdapterConfig);
  const std::string type = text_at(config, "peft_type");
  std::string base = text_at(config, "base_model_name_or_path");
  if (base.empty()) base = text_at(config, "model");
  const bool prompts = type.find("TUNING") != type.npos || type == "ADAPTION_PROMPT";
  refuse(folder, cat("is an adapter (", adapter_kind(type), ") of ",
                     base.empty() ? "another model" : "the model " + in_quotes(base), ", not a model; ",
                     prompts ? "its kind cannot be merged into weights, so only the model without it can be "
                               "opened"
                             : "merge it first, with PeftModel.from_pretrained(…).merge_and_unload(), save "
                               "that with save_pretrained(), and open what was saved"));
}

void refuse_other_names(const std::string& where, const std::vector<std::string>& names) {
  const bool config = std::ranges::find(names, kConfigFile) != names.end();
  const bool convertible = std::ranges::any_of(
      names, [](std::string_view name) { return name.ends_with(".h5") || name.ends_with(".msgpack"); });
  refuse_parts(where, names);
  for (const Sign& sign : kSigns) {
    if ((config && sign.what == kTokenizer) || (convertible && sign.what == kExport)) continue;
    const auto at =
        std::ranges::find_if(names, [&](const std::string& name) { return fits(name, sign.name); });
    if (at != names.end()) refuse(where, cat("is no checkpoint: its ", *at, " shows ", sign.what));
  }
}

void refuse_other_folder(const fs::path& folder) {
  refuse_adapter(folder);
  refuse_other_names(folder, names_in(folder));
}

void refuse_other_file(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.starts_with("adapter_")) refuse_adapter(file.parent_path());
  for (const std::string_view ending : {".safetensors", ".bin"}) {
    const auto part = parse_part_name(name, ending);
    if (!part) continue;
    throw Error(ErrorKind::InvalidArgument,
                cat(file.string(), ": is a file, number ", part->number, " of the ", part->count,
                    " that a checkpoint's weights are in; give their folder, ", file.parent_path().string(),
                    ", which needs all of them, their index and config.json"));
  }
  for (const Sign& sign : kSigns) {
    if (sign.what == kTokenizer) break;
    if (fits(name, sign.name)) refuse(file, cat("is no checkpoint, but ", sign.what));
  }
}

}  // namespace bsbr
