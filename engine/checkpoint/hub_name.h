#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bsbr {

/// True if `text` has the form of a model's name on the hub: "name" or "org/name".
bool is_hub_name(std::string_view text);

/// A model of the hub as a person writes it: NAME[@REVISION][:FILE or :QUANTISATION], as in "gpt2",
/// "org/name@refs/pr/1", "org/name-GGUF:name.Q4_K_M.gguf", "org/name-GGUF:Q4_K_M".
struct HubName {
  std::string model;              ///< "name" or "org/name"
  std::string revision = "main";  ///< branch, tag, refs/pr/N or commit
  std::string file = {};          ///< a GGUF file of the repository; empty: the model's own files
  std::string quantisation = {};  ///< in place of `file`: of the GGUF file (of_quantisation())

  /// As a person writes it.
  [[nodiscard]] std::string text() const;
};

/// Nothing where `text` has another form, and is no address of a model either (parse_hub_address()). Revision
/// and file are then relative paths that lead nowhere else than below their folder.
std::optional<HubName> parse_hub_name(std::string_view text);

/// True for the hash of a git commit: 40 hexadecimal digits.
bool is_commit_hash(std::string_view text);

/// True for a path within a repository: plain names between slashes, none of them "..", none hidden.
bool is_repository_path(std::string_view text);

}  // namespace bsbr
