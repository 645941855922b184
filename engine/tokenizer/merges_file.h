#pragma once

#include <filesystem>

#include "engine/tokenizer/merge_table.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

/// Reads GPT-2's merges.txt: a "#version" line, if there is one, then a line "left right" a merge, the best
/// first; LF or CRLF, blank lines only at the end. Both sides and the two joined must be in the vocabulary.
/// Throws Error(NotFound | Io | InvalidFile) that names the file and the line.
MergeTable read_merges_file(const std::filesystem::path& path, const Vocabulary& vocabulary);

}  // namespace bsbr
