#include "engine/kernels/cpu/group_keys.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/kernels/cpu/turn_pairs.h"

namespace bsbr {

void KeyGrouper::measure(const float* keys, std::size_t stride, std::size_t dim, std::size_t count) {
  distance_.assign(count * count, 0.0F);
  norm_.assign(count, 0.0F);
  for (std::size_t i = 0; i < dim; ++i) {
    const float* row = keys + i * stride;
    for (std::size_t a = 0; a < count; ++a) {
      norm_[a] += row[a] * row[a];
      float* to = distance_.data() + a * count;
      for (std::size_t b = 0; b < count; ++b) {
        const float difference = row[b] - row[a];
        to[b] += difference * difference;
      }
    }
  }
}

void KeyGrouper::turn_back(const float* keys, std::size_t stride, std::size_t dim, std::size_t count) {
  const std::size_t half = dim / 2;
  if (cosine_.size() != half * count) {
    cosine_.clear();
    sine_.clear();
    for (const float frequency : frequencies_) {
      for (std::size_t j = 0; j < count; ++j) {
        cosine_.push_back(std::cos(static_cast<float>(j) * frequency));
        sine_.push_back(-std::sin(static_cast<float>(j) * frequency));
      }
    }
  }
  turned_.resize(dim * count);
  for (std::size_t i = 0; i < half; ++i) {
    turn_pairs(keys + i * stride, keys + (i + half) * stride, cosine_.data() + i * count,
               sine_.data() + i * count, count, turned_.data() + i * count,
               turned_.data() + (i + half) * count);
  }
}

void KeyGrouper::round_distances() {
  constexpr int kBits = 12;
  constexpr float kLeast = 0x1p-4F;
  float largest = 0;
  for (const float distance : distance_) largest = std::max(largest, distance);
  for (const float norm : norm_) largest = std::max(largest, kLeast * norm);
  if (largest == 0 || !std::isfinite(largest)) return;
  int exponent = 0;
  std::frexp(largest, &exponent);
  const float step = std::ldexp(1.0F, exponent - kBits);
  for (float& distance : distance_) distance = std::nearbyint(distance / step) * step;
}

void KeyGrouper::join_nearest(std::size_t count) {
  float least = std::numeric_limits<float>::infinity();
  std::size_t first = 0;
  std::size_t second = 1;
  bool found = false;
  for (std::size_t a = 0; a < count; ++a) {
    if (head_[a] != static_cast<std::int32_t>(a)) continue;
    for (std::size_t b = a + 1; b < count; ++b) {
      if (head_[b] != static_cast<std::int32_t>(b)) continue;
      // The first pair is taken whatever it is, so that keys with NaN still end in the right number of
      // groups.
      if (found && !(distance_[a * count + b] < least)) continue;
      least = distance_[a * count + b];
      first = a;
      second = b;
      found = true;
    }
  }
  for (std::size_t j = 0; j < count; ++j) {
    if (head_[j] == static_cast<std::int32_t>(second)) head_[j] = static_cast<std::int32_t>(first);
    const float farther = std::max(distance_[first * count + j], distance_[second * count + j]);
    distance_[first * count + j] = distance_[j * count + first] = farther;
  }
}

const std::vector<std::int32_t>& KeyGrouper::group(const float* keys, std::size_t stride, std::size_t dim,
                                                   std::size_t count, std::size_t groups) {
  head_.resize(count);
  std::iota(head_.begin(), head_.end(), 0);
  label_.assign(count, 0);
  if (groups == 1) return label_;
  if (groups < count) {
    if (frequencies_.empty()) {
      measure(keys, stride, dim, count);
    } else {
      turn_back(keys, stride, dim, count);
      measure(turned_.data(), count, dim, count);
    }
    round_distances();
  }
  for (std::size_t left = count; left > groups; --left) join_nearest(count);
  std::int32_t next = 0;
  for (std::size_t j = 0; j < count; ++j) {
    const auto head = static_cast<std::size_t>(head_[j]);
    label_[j] = head == j ? next++ : label_[head];
  }
  return label_;
}

}  // namespace bsbr
