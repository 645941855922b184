#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace bsbr {

enum class PickleKind : std::uint8_t {
  None,
  Bool,
  Int,
  Long,  // of more than 8 bytes
  Float,
  Text,
  Bytes,
  Tuple,
  List,
  Dict,
  Global,
  Storage,
  Tensor
};

/// "an integer", "a dictionary"
std::string_view name_of(PickleKind kind) noexcept;

/// A value of a pickle; small, so that as many as the file has bytes cost little. What it refers to is owned
/// by a PickleHeap, so that values that contain themselves do no harm.
struct PickleValue {
  PickleKind kind = PickleKind::None;
  /// Place in the heap or in a table; bytes of a Text, Bytes or Long; items of a Tuple.
  std::uint32_t index = 0;
  /// Value of a Bool, an Int; position in the file of a Text, Bytes or Long; first item of a Tuple.
  std::int64_t number = 0;
};

/// The containers of a pickle.
class PickleHeap {
 public:
  using Pairs = std::vector<std::pair<PickleValue, PickleValue>>;

  PickleValue tuple(std::span<const PickleValue> items) {
    const auto begin = static_cast<std::int64_t>(items_.size());
    items_.insert(items_.end(), items.begin(), items.end());
    return {PickleKind::Tuple, static_cast<std::uint32_t>(items.size()), begin};
  }
  PickleValue list() {
    lists_.emplace_back();
    return {PickleKind::List, static_cast<std::uint32_t>(lists_.size() - 1)};
  }
  PickleValue dict() {
    dicts_.emplace_back();
    return {PickleKind::Dict, static_cast<std::uint32_t>(dicts_.size() - 1)};
  }

  /// Valid until the next tuple is made.
  [[nodiscard]] std::span<const PickleValue> items(PickleValue tuple) const {
    return std::span(items_).subspan(static_cast<std::size_t>(tuple.number), tuple.index);
  }
  [[nodiscard]] std::vector<PickleValue>& elements(PickleValue list) { return lists_[list.index]; }
  [[nodiscard]] Pairs& pairs(PickleValue dict) { return dicts_[dict.index]; }

 private:
  std::vector<PickleValue> items_;
  std::vector<std::vector<PickleValue>> lists_;
  std::vector<Pairs> dicts_;
};

}  // namespace bsbr
