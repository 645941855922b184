#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bsbr {

/// Throws an Error that says what `folder` is and what to do, if the names of its entries show that it is
/// something other than a checkpoint: an adapter, one file of several, a checkpoint in another format, a
/// diffusion pipeline, a tokenizer alone. For folders without weights that can be read.
void refuse_other_folder(const std::filesystem::path& folder);

/// The same of names alone, of a repository say; `where` begins the message.
void refuse_other_names(const std::string& where, const std::vector<std::string>& names);

/// The same of a file that a person gave where a folder is meant.
void refuse_other_file(const std::filesystem::path& file);

/// Throws Error(Unsupported) that names the adapter's base model and how to merge it, if the folder has an
/// adapter_config.json.
void refuse_adapter(const std::filesystem::path& folder);

}  // namespace bsbr
