#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// Remembers where in one text and its ids a piece was encoded before, so that words are merged once a text.
/// Keeps positions, not copies; bounded: a newer piece takes the place of an older one. For one thread and
/// one text.
class PieceCache {
 public:
  /// `text` must outlive the cache; the pieces are parts of it.
  explicit PieceCache(std::string_view text)
      : text_(text), slots_(std::bit_ceil(std::clamp<std::size_t>(text.size() / 8, 16, 1u << 16))) {}

  /// Appends the ids of `piece`: copies them from where it occurred before, else calls encode(piece, ids).
  template <class Encode>
  void encode(std::string_view piece, std::vector<TokenId>& ids, const Encode& encode) {
    if (piece.size() > kLongest) {
      encode(piece, ids);
      return;
    }
    Slot& slot = slots_[std::hash<std::string_view>{}(piece) & (slots_.size() - 1)];
    if (slot.length == piece.size() && text_.substr(slot.text_at, slot.length) == piece) {
      for (std::size_t i = 0; i < slot.count; ++i) ids.push_back(ids[slot.ids_at + i]);
      return;
    }
    const std::size_t before = ids.size();
    encode(piece, ids);
    slot = {.text_at = static_cast<std::size_t>(piece.data() - text_.data()),
            .ids_at = before,
            .length = static_cast<std::uint32_t>(piece.size()),
            .count = static_cast<std::uint32_t>(ids.size() - before)};
  }

 private:
  static constexpr std::size_t kLongest = 256;
  struct Slot {
    std::size_t text_at = 0, ids_at = 0;
    std::uint32_t length = 0, count = 0;  // length 0: free
  };

  std::string_view text_;
  std::vector<Slot> slots_;  // a power of two
};

}  // namespace bsbr
