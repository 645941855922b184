#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace bsbr {

/// The q-quantile, 0 to 1, by linear interpolation between neighbours; 0 when there are no values.
inline double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], at - static_cast<double>(below));
}

/// The middle value, or the mean of the two middle ones; 0 when there are none.
inline double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

/// Several measurements of one thing: their median, and the quartiles around it.
struct Spread {
  double low = 0, median = 0, high = 0;
  std::size_t runs = 0;

  [[nodiscard]] nlohmann::json to_json() const {
    return {{"median", median}, {"low", low}, {"high", high}, {"runs", runs}};
  }
};

inline Spread spread(const std::vector<double>& values) {
  return {quantile(values, 0.25), median(values), quantile(values, 0.75), values.size()};
}

}  // namespace bsbr
