#include "engine/export/export.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <system_error>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/checkpoint/gguf_file.h"
#include "engine/export/gguf_tokenizer.h"
#include "engine/export/model_card.h"
#include "engine/export/python_files.h"
#include "engine/export/staged_folder.h"
#include "engine/export/verify.h"
#include "engine/export/write_weights.h"
#include "engine/model/checkpoint_tokenizer.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

constexpr std::array kCopied{"vocab.json",
                             "merges.txt",
                             "tokenizer.json",
                             "added_tokens.json",
                             "special_tokens_map.json",
                             "tokenizer_config.json",
                             "chat_template.jinja",
                             "generation_config.json",
                             "LICENSE",
                             "LICENSE.txt",
                             "LICENSE.md"};
constexpr std::uint64_t kLargestCopied = 256U << 20;

fs::path absolute_of(const fs::path& path) {
  fs::path full = fs::absolute(path).lexically_normal();
  return full.has_filename() ? full : full.parent_path();
}

/// Of two absolute paths without links. A folder is inside itself.
bool is_inside(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

/// Whether the checkpoint's folder, or what its entries link to, lies in `folder`.
bool holds_source(const fs::path& folder, const fs::path& checkpoint) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  const auto held = [&](const fs::path& path) { return is_inside(fs::weakly_canonical(path, error), real); };
  const fs::directory_iterator entries(checkpoint, error);
  return held(checkpoint) ||
         std::any_of(begin(entries), end(entries), [&](const auto& entry) { return held(entry.path()); });
}

/// Refuses what must not be overwritten.
void check_overwritten(const Checkpoint& source, const fs::path& destination, bool force) {
  std::error_code error;
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::InvalidArgument, cat(destination.string(), ": ", what));
  };
  if (fs::equivalent(destination, source.folder(), error)) {
    refuse(
        "is the checkpoint that is being converted; choose another folder, the original is never "
        "overwritten");
  }
  const fs::path real_source = fs::weakly_canonical(source.folder(), error);
  // A GGUF file is the whole checkpoint; the folder that it lies in may hold anything.
  if (source.gguf() == nullptr && is_inside(fs::weakly_canonical(destination, error), real_source)) {
    refuse("lies inside the checkpoint that is being converted; choose a folder outside it");
  }
  const fs::file_status status = fs::symlink_status(destination, error);
  if (!fs::exists(status)) return;
  if (!force) refuse("exists already; choose another folder, or replace it with --force");
  if (!fs::is_directory(status)) refuse("is no folder; --force replaces only checkpoint folders");
  if (!fs::is_empty(destination, error) && !fs::exists(destination / "config.json", error)) {
    refuse("holds no config.json, so it is no checkpoint, and --force does not delete it");
  }
  if (holds_source(destination, source.folder())) {
    refuse(
        "holds the checkpoint that is being converted, or files that it links to, and --force would delete "
        "them; "
        "choose another folder");
  }
}

void check_space(const Checkpoint& source, const fs::path& folder, std::optional<Dtype> dtype) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  const std::uint64_t needed = written_bytes(source, dtype) + (16U << 20);
  if (!error && space.available < needed) {
    throw Error(ErrorKind::Io, cat(folder.string(), ": ", needed >> 20, " MiB are needed and only ",
                                   space.available >> 20, " MiB are free; make room or choose another disk"));
  }
}

/// What a folder says of its tokenizer, of generating and of its licence, byte for byte.
void copy_files(const fs::path& source, const fs::path& folder) {
  for (const char* name : kCopied) {
    const fs::path from = source / name;
    std::error_code error;
    // A link that leads nowhere is there, and an error to read.
    if (fs::exists(fs::symlink_status(from, error)))
      write_text_file(folder / name, read_text_file(from, kLargestCopied));
  }
}

void write_gguf_tokenizer(const GgufFile& gguf, const fs::path& folder) {
  const GgufVocabulary vocabulary = gguf_vocabulary(gguf);
  check_gguf_tokenizer_export(vocabulary);
  // A chat template may hold bytes that are no UTF-8; the format has no way to keep those.
  const auto text = [](const nlohmann::json& json) {
    return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  };
  const auto* chat = gguf.get<std::string>("tokenizer.chat_template");
  write_text_file(folder / "tokenizer.json", text(tokenizer_json(vocabulary)));
  write_text_file(folder / "tokenizer_config.json",
                  text(tokenizer_config_json(vocabulary, chat == nullptr ? "" : *chat)));
}

/// Which of the classes in python_files() transformers takes for a family. A program that is not told to run
/// them goes by model_type and architectures, which stay the original's.
nlohmann::json auto_map(const std::string& family) {
  std::string config = "BsbrGPT2Config";
  std::string model = "BsbrGPT2LMHeadModel";
  if (family == "llama" || family == "qwen2") {
    const std::string name = family == "llama" ? "BsbrLlama" : "BsbrQwen2";
    config = name + "Config";
    model = name + "ForCausalLM";
  }
  return {{"AutoConfig", "configuration_bsbr." + config}, {"AutoModelForCausalLM", "modeling_bsbr." + model}};
}

/// config.json of what is written: the original's, with the conversion, and the type if that is another.
nlohmann::json config_of(const Checkpoint& source, const ModelConfig& converted, std::optional<Dtype> dtype) {
  nlohmann::json config = source.config();
  config["bsbr"] = converted.bsbr->to_json();
  config["auto_map"] = auto_map(converted.family);
  if (!dtype) return config;
  // transformers 4 wrote the first name, 5 writes the second and reads both.
  if (config.contains("torch_dtype") || !config.contains("dtype"))
    config["torch_dtype"] = config_name(*dtype);
  if (config.contains("dtype")) config["dtype"] = config_name(*dtype);
  return config;
}

void write_files(const Checkpoint& source, const LanguageModel& converted, const fs::path& folder,
                 const ExportOptions& options, const Job& job) {
  const nlohmann::json config = config_of(source, converted.config(), options.dtype);
  write_text_file(folder / "config.json", config.dump(2) + "\n");
  for (const TextFile& file : python_files()) write_text_file(folder / file.name, file.text);
  if (source.gguf() != nullptr) {
    write_gguf_tokenizer(*source.gguf(), folder);
  } else {
    copy_files(source.folder(), folder);
  }
  write_weights(source, folder, options.dtype, options.shard_bytes, job);
}

/// What the re-opened checkpoint keeps of the original.
std::optional<Fidelity> fidelity_of(const LanguageModel& reopened, const LanguageModel& converted,
                                    bool same_bits, const ExportOptions& options, const Job& job) {
  // Its logits have the bits of the model in memory, so that what was measured of that holds for it.
  if (same_bits && options.check) return options.check;
  if (!options.check_text) return std::nullopt;
  const std::vector<TokenId> text = options.check_text();
  if (text.size() < 2) return std::nullopt;
  return measure_fidelity(converted.with_attention(std::nullopt), reopened, text, job);
}

}  // namespace

void check_destination(const Checkpoint& source, const fs::path& destination, const ExportOptions& options) {
  if (destination.empty()) throw Error(ErrorKind::InvalidArgument, "the destination is empty; name a folder");
  const fs::path folder = absolute_of(destination);
  check_overwritten(source, folder, options.force);
  check_space(source, StagedFolder(folder).path(), options.dtype);
}

ExportReport export_checkpoint(const Checkpoint& source, const LanguageModel& converted,
                               const fs::path& destination, const ExportOptions& options, const Job& job) {
  if (!converted.config().bsbr) {
    throw Error(ErrorKind::InvalidArgument, "the model is not converted; there is nothing to export");
  }
  check_destination(source, destination, options);
  const fs::path folder = absolute_of(destination);
  StagedFolder staged(folder);
  write_files(source, converted, staged.path(), options, job);
  ExportReport report{folder, 0, source.tensors().size(), keeps_bits(source, options.dtype), {}};
  const LanguageModel reopened =
      verify_export(source, Checkpoint::open(staged.path().string()), converted, options.dtype, job);
  report.fidelity = fidelity_of(reopened, converted, report.same_bits, options, job);
  write_text_file(staged.path() / "README.md",
                  model_card(source, converted.config(), *converted.config().bsbr,
                             report.same_bits ? std::nullopt : options.dtype,
                             report.fidelity ? &*report.fidelity : nullptr));
  for (const auto& entry : fs::directory_iterator(staged.path())) report.bytes += entry.file_size();
  job.check();
  staged.commit(options.force);
  return report;
}

}  // namespace bsbr
