#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "engine/checkpoint/checkpoint.h"

namespace bsbr {

/// What a written tokenizer was held against its source's on.
struct TokenizerCheck {
  /// Texts of which both make the same ids, and the same text from them; every token's own among them.
  std::size_t texts = 0;
  bool chat = false;        ///< both have a chat template, and write the same conversation with it
  std::string not_checked;  ///< why nothing was compared: the source has no tokenizer that this program reads
};

/// Opens the tokenizer and the chat template that were written to a folder and compares them with the
/// source's. Throws Error(Unsupported) where a GGUF file's cannot be written so that they are the same, or
/// not be read, Error(Io) where a folder's are not what was copied, Error(InvalidFile | Io) where the
/// source's are damaged.
TokenizerCheck check_tokenizer(const Checkpoint& source, const std::filesystem::path& written);

}  // namespace bsbr
