#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>

namespace bsbr {

/// Lists of entries by item, such as the rows that chose a block. A counting sort over memory of others.
class RowLists {
 public:
  RowLists() = default;
  /// `begin`: [most items + 2], `entry`: [most entries].
  RowLists(std::int32_t* begin, std::int32_t* entry) : begin_(begin), entry_(entry) {}

  /// `for_each(add)` calls add(item, entry), item < items, for all, and does so twice alike. Within an item
  /// the order stays.
  template <class ForEach>
  void fill(std::size_t items, const ForEach& for_each) {
    // begin_ is shifted by one while the entries are placed.
    std::fill_n(begin_, items + 2, 0);
    for_each([&](std::int32_t item, std::int32_t) { ++begin_[item + 2]; });
    std::partial_sum(begin_, begin_ + items + 2, begin_);
    for_each([&](std::int32_t item, std::int32_t entry) { entry_[begin_[item + 1]++] = entry; });
  }

  [[nodiscard]] std::span<const std::int32_t> of(std::size_t item) const {
    return {entry_ + begin_[item], entry_ + begin_[item + 1]};
  }

 private:
  std::int32_t* begin_ = nullptr;
  std::int32_t* entry_ = nullptr;
};

}  // namespace bsbr
