#include "engine/model/end_tokens.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/checkpoint/path_error.h"
#include "engine/model/config_reader.h"

namespace bsbr {
namespace {

constexpr const char* kEos = "eos_token_id";

/// Control tokens that end a turn or a text in the models that have them, by llama.cpp's list.
constexpr std::array<std::string_view, 6> kEndTexts{"<|eot_id|>",    "<|im_end|>",    "<|end|>",
                                                    "<end_of_turn>", "<|endoftext|>", "<|eom_id|>"};

bool is_end(std::string_view token) {
  return std::ranges::find(kEndTexts, token) != kEndTexts.end();
}

void read_generation_config(const std::filesystem::path& folder, ModelConfig& config) {
  const std::filesystem::path file = folder / "generation_config.json";
  if (!has_entry(file)) return;
  const auto ignore = [&](const std::string& why) {
    config.warnings.push_back(cat(why, "; the end tokens of config.json are taken"));
  };
  try {
    const nlohmann::json json = read_python_json(file);
    ConfigReader read(json);
    std::vector<std::int64_t> ids = read.token_ids(kEos);
    if (!read.has_problems()) {
      config.end_tokens = std::move(ids);
    } else {
      ignore(cat(file.string(), ": ", kEos, " is neither a token id nor a list of them"));
    }
  } catch (const Error& error) {
    ignore(error.what());
  }
}

void add_gguf_tokens(const GgufFile& gguf, ModelConfig& config) {
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (const auto* id = gguf.get<std::int64_t>(key)) config.end_tokens.push_back(*id);
  }
  constexpr std::int64_t kControl = 3;
  const auto* tokens = gguf.get<std::vector<std::string>>("tokenizer.ggml.tokens");
  const auto* types = gguf.get<std::vector<std::int64_t>>("tokenizer.ggml.token_type");
  if (tokens == nullptr || types == nullptr) return;
  for (std::size_t id = 0; id < std::min(tokens->size(), types->size()); ++id) {
    if ((*types)[id] == kControl && is_end((*tokens)[id]))
      config.end_tokens.push_back(static_cast<std::int64_t>(id));
  }
}

/// Leaves each id once, and only those that the model embeds.
void keep_embedded(const std::string& where, ModelConfig& config) {
  std::vector<std::int64_t> kept;
  for (const std::int64_t id : config.end_tokens) {
    if (std::ranges::find(kept, id) != kept.end()) continue;
    if (id >= 0 && id < config.vocabulary) {
      kept.push_back(id);
    } else {
      config.warnings.push_back(cat(where, ": the end token ", id, " is none of the model's ",
                                    config.vocabulary, " tokens; texts do not end there"));
    }
  }
  config.end_tokens = std::move(kept);
}

}  // namespace

void complete_end_tokens(const Checkpoint& checkpoint, ModelConfig& config) {
  const auto gguf = checkpoint.gguf();
  if (gguf == nullptr) {
    read_generation_config(checkpoint.folder(), config);
  } else {
    add_gguf_tokens(*gguf, config);
  }
  keep_embedded(gguf == nullptr ? checkpoint.folder().string() : gguf->path().string(), config);
}

}  // namespace bsbr
