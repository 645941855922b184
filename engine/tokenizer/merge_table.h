#pragma once

#include <cstdint>
#include <vector>

namespace bsbr {

/// Ids inside BPE; files may not have larger ones than fit 24 bits.
using SymbolId = std::uint32_t;
inline constexpr SymbolId kSymbolIdEnd = 1u << 24;

/// The merges of a byte-pair encoding by the pair they join. Thread-safe once filled.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank;  ///< 0 for the first merge that was added; kNone if there is no such merge
    SymbolId result;
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  MergeTable();

  /// Which rank a pair has that is listed twice: HuggingFace's tokenizers take the last, llama.cpp the first.
  enum class Repeated { Last, First };

  /// Adds the next-best merge. Ids are below kSymbolIdEnd. False if the pair has one already.
  bool add(SymbolId left, SymbolId right, SymbolId result, Repeated repeated = Repeated::Last);

  [[nodiscard]] Merge find(SymbolId left, SymbolId right) const noexcept {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t at = home(key);; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].merge;
      if (slots_[at].key == kFree) return {kNone, 0};
    }
  }

  /// How many were added, repeated ones too.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge{kNone, 0};
  };

  static std::uint64_t key_of(SymbolId left, SymbolId right) noexcept {
    return std::uint64_t{left} << 32 | right;
  }
  [[nodiscard]] std::size_t home(std::uint64_t key) const noexcept {
    return (key * 0x9E3779B97F4A7C15u >> 32) & mask_;
  }
  // The slot of a key, or the free one where it belongs.
  [[nodiscard]] Slot& slot_of(std::uint64_t key) noexcept;

  std::vector<Slot> slots_;  // open addressing, at most half full; a power of two
  std::size_t mask_;
  std::size_t size_ = 0;
};

}  // namespace bsbr
