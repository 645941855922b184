#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace bsbr {

/// The special tokens of a checkpoint's folder by what transformers calls them, e.g. "bos_token": those of
/// tokenizer_config.json and special_tokens_map.json, and of the tokenizer's class where the files do not
/// say. Throws Error(InvalidFile | Io).
std::map<std::string, std::string> read_special_tokens(const std::filesystem::path& folder);

}  // namespace bsbr
