#include "engine/tokenizer/chat_special_tokens.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/tokenizer/folder_tokens.h"
#include "engine/tokenizer/json_entry.h"

namespace bsbr {
namespace {

using Tokens = std::map<std::string, std::string>;
using std::filesystem::path;

std::string text_or_empty(const nlohmann::json& document, const char* key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

// What transformers' tokenizer classes have where the files do not say; the class is the model's if they do
// not say that either.
Tokens class_defaults(std::string tokenizer_class, const std::string& model_type) {
  constexpr std::string_view kFast = "Fast";
  if (tokenizer_class.ends_with(kFast)) tokenizer_class.resize(tokenizer_class.size() - kFast.size());
  const std::string& name = tokenizer_class.empty() ? model_type : tokenizer_class;
  const std::string end = "<|endoftext|>";
  if (name == "GPT2Tokenizer" || name == "gpt2")
    return {{"bos_token", end}, {"eos_token", end}, {"unk_token", end}};
  if (name == "Qwen2Tokenizer" || name == "qwen2")
    return {{"eos_token", end}, {"pad_token", end}, {"unk_token", end}};
  return {};
}

// Sets the tokens that a file names; null takes one away.
void take_tokens(const nlohmann::json& document, const path& file, Tokens& tokens) {
  const JsonEntry whole(document, "", file);
  for (const auto& [key, value] : document.items()) {
    if (!key.ends_with("_token")) continue;
    if (value.is_string()) {
      tokens[key] = value.get<std::string>();
    } else if (value.is_object() && value.contains("content")) {
      tokens[key] = whole.at(key).at("content").text();
    } else if (value.is_null()) {
      tokens.erase(key);
    }
  }
}

}  // namespace

Tokens read_special_tokens(const path& folder) {
  const path config_file = folder / "tokenizer_config.json";
  const nlohmann::json config = read_if_there(config_file);
  Tokens tokens = class_defaults(text_or_empty(config, "tokenizer_class"),
                                 text_or_empty(read_if_there(folder / "config.json"), "model_type"));
  take_tokens(config, config_file, tokens);
  const path map_file = folder / "special_tokens_map.json";
  if (!config.contains("added_tokens_decoder")) take_tokens(read_if_there(map_file), map_file, tokens);
  return tokens;
}

}  // namespace bsbr
