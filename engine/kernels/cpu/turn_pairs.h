#pragma once

#include <cstddef>

namespace bsbr {

/// Turns the pairs (x[i], y[i]), i < n, as rotary position embedding does: by the angles whose cosines and
/// sines are given (or, of any other two numbers, multiplies x + iy by cosine + i·sine). The output may be
/// the input.
template <class T>
inline void turn_pairs(const T* x, const T* y, const T* cosine, const T* sine, std::size_t n, T* out_x,
                       T* out_y) {
  for (std::size_t i = 0; i < n; ++i) {
    const T first = x[i] * cosine[i] - y[i] * sine[i];
    const T second = y[i] * cosine[i] + x[i] * sine[i];
    out_x[i] = first;
    out_y[i] = second;
  }
}

}  // namespace bsbr
