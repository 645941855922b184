#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/safetensors_header.h"

namespace bsbr {

/// Sorts `tensors` by their place in the data and adds to `problems` what is wrong between them: names that
/// occur twice, bytes that overlap, leave a gap, run past the `data_size` bytes of data or do not reach their
/// end.
void check_layout(std::vector<TensorEntry>& tensors, std::uint64_t data_size, Problems& problems);

/// Bytes of a tensor of that shape; nothing if a dimension is negative or the product of the dimensions
/// (zeros counted as ones, as strides are) times the element size exceeds 2^63-1.
std::optional<std::uint64_t> tensor_bytes(const std::vector<std::int64_t>& shape, Dtype dtype) noexcept;

/// "[2, 3]"
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace bsbr
