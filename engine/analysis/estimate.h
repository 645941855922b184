#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>

namespace bsbr {

/// A mean, and how far from it the true one may lie.
struct Estimate {
  double mean = 0;
  /// Half the 95 % confidence interval: t · sd / √n, Student's t for n - 1. Nothing for a single value.
  std::optional<double> margin;

  /// {mean, margin}; margin may be null.
  [[nodiscard]] nlohmann::json to_json() const;
};

/// From independent values, at least one.
Estimate estimate(std::span<const double> values);

}  // namespace bsbr
