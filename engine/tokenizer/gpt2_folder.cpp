#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/merges_file.h"
#include "engine/tokenizer/tokenizer_parts.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {
namespace {

using nlohmann::json;
using std::filesystem::path;

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

// What in tokenizer.json differs from GPT-2's way, or nothing.
std::optional<std::string> difference_in_pipeline(const path& file) {
  const json config = read_json_object(file);
  const json none;
  const auto entry = [&](const char* name) -> const json& {
    const auto found = config.find(name);
    return found == config.end() ? none : *found;
  };
  if (!entry("normalizer").is_null()) return cat(file.string(), ": the tokenizer has a normalizer");
  const json& split = entry("pre_tokenizer");
  if (!split.is_object() || !split.contains("type") || split["type"] != "ByteLevel" ||
      (split.contains("use_regex") && split["use_regex"] != true)) {
    return cat(file.string(), ": pre_tokenizer is not ByteLevel alone");
  }
  const json& model = entry("model");
  if (model.is_object() && model.contains("ignore_merges") && model["ignore_merges"] == true) {
    return cat(file.string(), ": model.ignore_merges is true");
  }
  return std::nullopt;
}

Vocabulary read_vocabulary(const path& file) {
  const json object = read_json_object(file);
  Vocabulary vocabulary(file, object.size());
  for (const auto& [text, id] : object.items()) {
    if (!id.is_number_unsigned()) {
      throw Error(ErrorKind::InvalidFile,
                  cat(file.string(), ": the id of ", quoted(text), " is not an integer of 0 or more"));
    }
    vocabulary.add(text, id.get<std::uint64_t>());
  }
  return vocabulary;
}

}  // namespace

std::optional<std::string> difference_from_gpt2(const path& folder) {
  if (const path file = folder / "tokenizer_config.json"; is_there(file)) {
    static const std::vector<std::string> known = {
        "GPT2Tokenizer",       "GPT2TokenizerFast",       "CodeGenTokenizer", "CodeGenTokenizerFast",
        "PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend"};
    const json config = read_json_object(file);
    const auto name = config.find("tokenizer_class");
    if (name != config.end() && name->is_string() &&
        std::find(known.begin(), known.end(), name->get_ref<const std::string&>()) == known.end()) {
      return cat(file.string(), ": the tokenizer is a ", quoted(name->get_ref<const std::string&>()));
    }
  }
  if (const path file = folder / "tokenizer.json"; is_there(file)) return difference_in_pipeline(file);
  return std::nullopt;
}

TokenizerParts read_gpt2_folder(const path& folder) {
  Vocabulary vocabulary = read_vocabulary(folder / "vocab.json");
  static_cast<void>(vocabulary.byte_ids());  // before the merges, which would complain of less
  MergeTable merges = read_merges_file(folder / "merges.txt", vocabulary);
  std::vector<SpecialToken> specials = read_added_tokens(folder, vocabulary);
  return assemble({.vocabulary = std::move(vocabulary),
                   .merges = std::move(merges),
                   .split = gpt2_pre_tokenizer(),
                   .specials = std::move(specials)});
}

}  // namespace bsbr
