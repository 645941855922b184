#include "engine/model/checkpoint_config.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/checkpoint/path_error.h"
#include "engine/model/config_reader.h"
#include "engine/model/end_tokens.h"
#include "engine/model/family.h"

namespace bsbr {
namespace {

/// tokenizer_config.json's model_max_length, unless it stands for "no limit" or cannot be read.
std::optional<std::int64_t> tokenizer_context(const std::filesystem::path& folder) {
  constexpr std::int64_t kLeast = 2, kMost = 10'000'000;
  const std::filesystem::path file = folder / "tokenizer_config.json";
  if (!has_entry(file)) return std::nullopt;
  try {
    const nlohmann::json json = read_python_json(file);
    const auto found = json.find("model_max_length");
    if (found == json.end() || !found->is_number_integer()) return std::nullopt;
    const auto length = found->get<std::int64_t>();
    return length >= kLeast && length <= kMost ? std::optional(length) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;  // whoever needs the tokenizer says what is wrong with it
  }
}

/// Adds the context to a config.json that lacks it, and a warning, if it can be known.
void add_context(const Checkpoint& checkpoint, nlohmann::json& config, std::vector<std::string>& warnings) {
  const auto type = config.find("model_type");
  if (type == config.end() || !type->is_string()) return;
  const Family& family = find_family(*type);
  if (says(config, family.context_key) || says(config, "n_ctx")) return;
  const std::int64_t usual = family.default_context(checkpoint);
  if (usual == 0) return;
  const std::optional<std::int64_t> tokenizer = tokenizer_context(checkpoint.folder());
  config[family.context_key] = tokenizer.value_or(usual);
  warnings.push_back(cat((checkpoint.folder() / "config.json").string(), ": ", family.context_key,
                         " is missing; ", config[family.context_key].get<std::int64_t>(), " is taken, ",
                         tokenizer ? "tokenizer_config.json's model_max_length" : "the family's usual one"));
}

ModelConfig read_config(const Checkpoint& checkpoint) {
  std::vector<std::string> warnings = checkpoint.warnings();
  nlohmann::json json = checkpoint.config();
  add_context(checkpoint, json, warnings);
  ModelConfig config = ModelConfig::from_json(json);
  config.warnings = std::move(warnings);
  return config;
}

/// The same; errors name the file.
ModelConfig read_named_config(const Checkpoint& checkpoint) {
  try {
    return read_config(checkpoint);
  } catch (const Error& error) {
    constexpr std::string_view kFile = "config.json";
    const std::string_view what = error.what();
    const std::string file = (checkpoint.folder() / kFile).string();
    // Settings out of range are a bad argument elsewhere; here they come from the file.
    const ErrorKind kind = error.kind() == ErrorKind::InvalidArgument ? ErrorKind::InvalidFile : error.kind();
    throw Error(kind, what.starts_with(kFile) ? cat(file, what.substr(kFile.size())) : cat(file, ": ", what));
  }
}

}  // namespace

ModelConfig config_of(const Checkpoint& checkpoint) {
  ModelConfig config = read_named_config(checkpoint);
  complete_end_tokens(checkpoint, config);
  return config;
}

}  // namespace bsbr
