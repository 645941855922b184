#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/merge_table.h"

namespace bsbr {

/// Token texts, in the byte alphabet, and their ids while a tokenizer is being loaded, from whatever file.
/// Its own hash table keeps loading quick: three look-ups for each merge.
class Vocabulary {
 public:
  /// `file` is for messages; at most `count` tokens will be added, which bounds what ids are believed.
  Vocabulary(std::filesystem::path file, std::size_t count);

  /// Throws Error(InvalidFile) if the id is too large, or the text or the id is taken; Error(Internal) past
  /// `count`.
  void add(std::string_view text, std::uint64_t id);

  [[nodiscard]] std::optional<SymbolId> id(std::string_view text) const;
  [[nodiscard]] std::optional<std::string_view> text(SymbolId id) const;

  /// The ids of the 256 bytes. A byte that has none gets `missing`, if that is given and the byte is not
  /// printable ASCII; else throws Error(InvalidFile) that names the bytes which have none.
  [[nodiscard]] std::array<SymbolId, 256> byte_ids(std::optional<SymbolId> missing = std::nullopt) const;

  /// How many tokens there are.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// One more than the largest id.
  [[nodiscard]] std::size_t end() const noexcept { return texts_.size(); }
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

  /// Throws Error(InvalidFile) that blames `file` if `id` is 2^24 or more, or far more than the number of
  /// tokens: memory grows with the largest id.
  SymbolId checked_id(std::uint64_t id, std::string_view text, const std::filesystem::path& file) const;

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Slot {
    std::uint32_t hash = 0;
    SymbolId id = kNone;
  };
  struct Text {
    std::size_t begin = 0;
    std::uint32_t length = kNone;
  };
  // The slot of `text`, or the free one where it belongs.
  [[nodiscard]] std::size_t slot_of(std::string_view text, std::uint32_t hash) const;

  std::filesystem::path file_;
  std::uint64_t id_limit_;
  std::size_t room_;
  std::size_t size_ = 0;
  std::string all_;          // the texts, one after the other
  std::vector<Text> texts_;  // parts of all_, by id
  std::vector<Slot> slots_;  // open addressing, at most half full; a power of two
};

/// `text` for a message: as a JSON string, cut short if it is long.
std::string quoted(std::string_view text);

}  // namespace bsbr
