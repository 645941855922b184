#include "engine/export/companion_files.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/base/utf8.h"
#include "engine/checkpoint/gguf_file.h"
#include "engine/checkpoint/path_error.h"
#include "engine/export/exported_config.h"
#include "engine/export/gguf_tokenizer.h"
#include "engine/export/staged_folder.h"
#include "engine/model/checkpoint_tokenizer.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array kCopied{"vocab.json",          "merges.txt",         "tokenizer.json",
                             "tokenizer.model",     "added_tokens.json",  "special_tokens_map.json",
                             "chat_template.jinja", "chat_template.json", "LICENSE",
                             "LICENSE.txt",         "LICENSE.md"};
constexpr const char* kTokenizerConfig = "tokenizer_config.json";
constexpr const char* kGenerationConfig = "generation_config.json";
constexpr const char* kTemplates = "additional_chat_templates";
constexpr std::uint64_t kLargestCopied = 256U << 20;

/// The inputs that these models have. transformers 4 makes a third by default, token_type_ids, which Llama's
/// and Qwen2's generate() refuses and GPT-2 adds to its embeddings.
const json& model_inputs() {
  static const json inputs{"input_ids", "attention_mask"};
  return inputs;
}

/// A link that leads nowhere is there, and an error to read.
void copy_if_there(const fs::path& from, const fs::path& to) {
  if (has_entry(from)) write_text_file(to, read_text_file(from, kLargestCopied));
}

/// Whether a tokenizer of that configuration makes other inputs than model_inputs(). The classes of these
/// families make no others, the general ones do.
bool makes_other_inputs(const json& config) {
  if (const auto named = config.find("model_input_names"); named != config.end() && named->is_array())
    return std::ranges::find(*named, "token_type_ids") != named->end();
  const auto name = config.find("tokenizer_class");
  return name != config.end() && (*name == "PreTrainedTokenizerFast" || *name == "TokenizersBackend");
}

void copy_tokenizer_config(const fs::path& source, const fs::path& folder) {
  const fs::path from = source / kTokenizerConfig;
  if (!has_entry(from)) return;
  const std::string text = read_text_file(from, kLargestCopied);
  json config = read_python_json(from);
  if (!makes_other_inputs(config)) return write_text_file(folder / kTokenizerConfig, text);
  config["model_input_names"] = model_inputs();
  write_text_file(folder / kTokenizerConfig, config_text(config));
}

/// transformers takes config.json's ids where this file cannot be read, and so does this program.
void copy_generation_config(const fs::path& source, const fs::path& folder) {
  const fs::path from = source / kGenerationConfig;
  if (!has_entry(from)) return;
  const std::string text = read_text_file(from, kLargestCopied);
  try {
    (void)read_python_json(from);
  } catch (const Error&) {
    return;
  }
  write_text_file(folder / kGenerationConfig, text);
}

void copy_templates(const fs::path& source, const fs::path& folder) {
  std::error_code error;
  const fs::directory_iterator entries(source / kTemplates, error);
  if (error) return;
  for (const auto& entry : entries) {
    if (entry.path().extension() != ".jinja") continue;
    fs::create_directory(folder / kTemplates, error);
    copy_if_there(entry.path(), folder / kTemplates / entry.path().filename());
  }
}

std::string text_of(const json& document) {
  return document.dump(1) + "\n";
}

/// What transformers takes for generating, in place of config.json's ids.
json generation_config(const json& model, const std::vector<TokenId>& end_tokens) {
  json config = json::object();
  for (const char* key : {"bos_token_id", "pad_token_id"}) {
    if (const auto id = model.find(key); id != model.end()) config[key] = *id;
  }
  if (!end_tokens.empty()) config["eos_token_id"] = end_tokens;
  return config;
}

/// Refuses what JSON, or transformers, cannot hold.
void check_gguf_files(const GgufVocabulary& vocabulary, const std::string& chat) {
  check_gguf_tokenizer_export(vocabulary);
  if (!is_valid_utf8(chat)) {
    throw Error(ErrorKind::Unsupported,
                "tokenizer.chat_template is not valid UTF-8, which tokenizer_config.json cannot hold");
  }
}

void write_gguf_files(const GgufFile& gguf, const json& config, const ModelConfig& model,
                      const fs::path& folder) {
  const GgufVocabulary vocabulary = gguf_vocabulary(gguf);
  const auto* const found = gguf.get<std::string>("tokenizer.chat_template");
  const std::string chat = found == nullptr ? "" : *found;
  try {
    check_gguf_files(vocabulary, chat);
  } catch (const Error& error) {
    throw Error(error.kind(), cat(gguf.path().string(), ": ", error.what()));
  }
  write_text_file(folder / "tokenizer.json", text_of(tokenizer_json(vocabulary)));
  write_text_file(folder / kTokenizerConfig, text_of(tokenizer_config_json(vocabulary, chat)));
  write_text_file(folder / kGenerationConfig, text_of(generation_config(config, model.end_tokens)));
}

}  // namespace

void write_companion_files(const Checkpoint& source, const ModelConfig& model, const fs::path& folder) {
  if (const auto gguf = source.gguf()) return write_gguf_files(*gguf, source.config(), model, folder);
  for (const char* name : kCopied) copy_if_there(source.folder() / name, folder / name);
  copy_tokenizer_config(source.folder(), folder);
  copy_generation_config(source.folder(), folder);
  copy_templates(source.folder(), folder);
}

}  // namespace bsbr
