#include "engine/checkpoint/strided.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace bsbr {
namespace {

bool is_empty(const StridedLayout& layout) noexcept {
  return std::ranges::find(layout.shape, 0) != layout.shape.end();
}

template <std::size_t Element>
void copy(const std::byte* from, const StridedLayout& layout, std::byte* out) {
  const std::size_t rank = layout.shape.size();
  std::vector<std::int64_t> index(rank, 0);
  const std::int64_t inner = rank == 0 ? 1 : layout.shape.back();
  const std::int64_t step = rank == 0 ? 0 : layout.strides.back();
  std::int64_t row = static_cast<std::int64_t>(layout.offset);
  while (true) {
    for (std::int64_t i = 0; i < inner; ++i, out += Element) {
      std::memcpy(out, from + (row + i * step) * static_cast<std::int64_t>(Element), Element);
    }
    std::size_t axis = rank < 2 ? 0 : rank - 1;
    for (; axis > 0; --axis) {
      const std::size_t outer = axis - 1;
      row += layout.strides[outer];
      if (++index[outer] < layout.shape[outer]) break;
      row -= layout.strides[outer] * layout.shape[outer];
      index[outer] = 0;
    }
    if (axis == 0) return;
  }
}

}  // namespace

std::optional<std::uint64_t> elements_reached(const StridedLayout& layout) noexcept {
  if (is_empty(layout)) return 0;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t last = layout.offset;
  for (std::size_t i = 0; i < layout.shape.size(); ++i) {
    std::uint64_t span = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(layout.shape[i] - 1),
                               static_cast<std::uint64_t>(layout.strides[i]), &span) ||
        __builtin_add_overflow(last, span, &last)) {
      return std::nullopt;
    }
  }
  return last >= kMost ? std::nullopt : std::optional(last + 1);
}

bool is_row_major(const StridedLayout& layout) noexcept {
  if (is_empty(layout)) return true;
  std::int64_t expected = 1;
  for (std::size_t i = layout.shape.size(); i-- > 0;) {
    if (layout.shape[i] == 1) continue;
    if (layout.strides[i] != expected || __builtin_mul_overflow(expected, layout.shape[i], &expected))
      return false;
  }
  return true;
}

void copy_row_major(std::span<const std::byte> storage, const StridedLayout& layout, std::size_t element,
                    std::span<std::byte> out) {
  if (is_empty(layout)) return;
  // Strides that are never taken can be of any size.
  StridedLayout bounded = layout;
  for (std::size_t i = 0; i < layout.shape.size(); ++i) {
    if (layout.shape[i] == 1) bounded.strides[i] = 0;
  }
  switch (element) {
    case 1:
      return copy<1>(storage.data(), bounded, out.data());
    case 2:
      return copy<2>(storage.data(), bounded, out.data());
    case 4:
      return copy<4>(storage.data(), bounded, out.data());
    default:
      return copy<8>(storage.data(), bounded, out.data());
  }
}

}  // namespace bsbr
