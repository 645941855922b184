#pragma once

#include <cstddef>
#include <cstdint>

namespace bsbr {

/// Writes the numbers of the `count` largest of x[0, n), of equals the lower numbers, to `order`, in
/// ascending order of number; count is at most n. NaN orders as its bits do. Bisects the value that parts
/// them, which takes a few vectorised passes and no sort. Thread-safe.
void select_largest(const float* x, std::size_t n, std::size_t count, std::int32_t* order);

}  // namespace bsbr
