#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/tokenizer_class.h"

namespace bsbr {

/// A configuration file of transformers (read_python_json); an empty object if there is none. Throws Error(Io
/// | InvalidFile) that names the file.
nlohmann::json read_if_there(const std::filesystem::path& file);

/// The files of a checkpoint's folder that say what its tokenizer is; objects that are not there are empty.
struct TokenizerFiles {
  /// Throws Error(Io | InvalidFile) that names the file.
  explicit TokenizerFiles(const std::filesystem::path& folder);

  std::filesystem::path config_file, map_file, added_file, tokenizer_file;
  nlohmann::json config;     ///< tokenizer_config.json
  nlohmann::json map;        ///< special_tokens_map.json
  nlohmann::json added;      ///< added_tokens.json
  nlohmann::json tokenizer;  ///< tokenizer.json; null if there is none
};

/// Adds the tokens which the files name, as transformers 5 does (PreTrainedTokenizerBase._from_pretrained and
/// TokenizersBackend.__init__): of tokenizer_config.json's added_tokens_decoder or, where it has none, of
/// added_tokens.json and tokenizer.json; then those with a role (bos_token, …), which special_tokens_map.json
/// names only where there is no added_tokens_decoder; then the additional ones. Throws Error(InvalidFile)
/// that names the file and the entry.
void add_folder_tokens(const TokenizerFiles& files, const TokenizerClass* own, AddedTokens& tokens);

/// The text of the token with a role, e.g. "bos_token"; empty if there is none. Throws as above.
std::string role_token(const TokenizerFiles& files, const TokenizerClass* own, const std::string& role);

}  // namespace bsbr
