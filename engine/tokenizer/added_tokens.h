#pragma once

#include <filesystem>
#include <vector>

#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

/// The special tokens of a HuggingFace checkpoint's folder: <|endoftext|> if the vocabulary has it, and what
/// added_tokens.json ({"text": id}), tokenizer_config.json (added_tokens_decoder, bos_token, …) and
/// special_tokens_map.json name. A token named without an id anywhere is left out. Matching options such as
/// lstrip are not read: tokens match exactly. Throws Error(NotFound | Io | InvalidFile) that names the file
/// and the entry, and both files if they contradict each other.
std::vector<SpecialToken> read_added_tokens(const std::filesystem::path& folder,
                                            const Vocabulary& vocabulary);

}  // namespace bsbr
