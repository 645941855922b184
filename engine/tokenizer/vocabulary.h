#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizer/merge_table.h"

namespace bsbr {

/// Token texts, in the byte alphabet, and their ids while a tokenizer is being loaded, from whatever file.
class Vocabulary {
 public:
  /// `file` is for messages; `expected` tokens will be added, which bounds what ids are believed.
  Vocabulary(std::filesystem::path file, std::size_t expected);

  /// Throws Error(InvalidFile) if the id is too large, or the text or the id is taken.
  void add(std::string_view text, std::uint64_t id);

  [[nodiscard]] std::optional<SymbolId> id(std::string_view text) const;
  /// Null if there is no such id.
  [[nodiscard]] const std::string* text(SymbolId id) const;

  /// The ids of the 256 bytes. Throws Error(InvalidFile) that names the bytes which have none.
  [[nodiscard]] std::array<SymbolId, 256> byte_ids() const;

  /// One more than the largest id.
  [[nodiscard]] std::size_t end() const noexcept { return texts_.size(); }
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

  /// Throws Error(InvalidFile) that blames `file` if `id` is 2^24 or more, or far more than the number of
  /// tokens: memory grows with the largest id.
  SymbolId checked_id(std::uint64_t id, std::string_view text, const std::filesystem::path& file) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::filesystem::path file_;
  std::uint64_t id_limit_;
  std::unordered_map<std::string, SymbolId, Hash, std::equal_to<>> ids_;
  std::vector<const std::string*> texts_;  // keys of ids_, by id
};

/// `text` for a message: as a JSON string, cut short if it is long.
std::string quoted(std::string_view text);

}  // namespace bsbr
