#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "engine/tokenizer/merge_table.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {

/// Adds merges to a table, the best first. Both sides and the two joined must be in the vocabulary. Returns
/// what is wrong with a merge, for a message, or nothing if it was added.
class MergeAdder {
 public:
  MergeAdder(const Vocabulary& vocabulary, MergeTable& merges,
             MergeTable::Repeated repeated = MergeTable::Repeated::Last)
      : vocabulary_(vocabulary), merges_(merges), repeated_(repeated) {}

  std::optional<std::string> add(std::string_view left, std::string_view right);
  /// A merge as "left right".
  std::optional<std::string> add(std::string_view line);

 private:
  const Vocabulary& vocabulary_;
  MergeTable& merges_;
  MergeTable::Repeated repeated_;
  std::string joined_;
};

/// Reads GPT-2's merges.txt: a "#version" line, if there is one, then a line "left right" a merge, the best
/// first; LF or CRLF, blank lines only at the end. Both sides and the two joined must be in the vocabulary.
/// Throws Error(NotFound | Io | InvalidFile) that names the file and the line.
MergeTable read_merges_file(const std::filesystem::path& path, const Vocabulary& vocabulary);

}  // namespace bsbr
