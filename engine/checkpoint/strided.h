#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bsbr {

/// How a tensor lies in its storage, in elements: element (i, j, …) at offset + i·strides[0] + j·strides[1] …
struct StridedLayout {
  std::uint64_t offset = 0;
  std::vector<std::int64_t> shape;    ///< none negative
  std::vector<std::int64_t> strides;  ///< as many, none negative
};

/// The number of elements from the storage's beginning to the layout's last one, 0 if it has none; nothing
/// if it exceeds 2^63-1.
std::optional<std::uint64_t> elements_reached(const StridedLayout& layout) noexcept;

/// True if the elements lie in row-major order without gaps.
bool is_row_major(const StridedLayout& layout) noexcept;

/// Copies all elements, of `element` bytes (1, 2, 4 or 8) each, to `out` in row-major order. `storage` must
/// hold elements_reached() elements, and `out` have their number's bytes.
void copy_row_major(std::span<const std::byte> storage, const StridedLayout& layout, std::size_t element,
                    std::span<std::byte> out);

}  // namespace bsbr
