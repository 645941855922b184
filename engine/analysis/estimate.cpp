#include "engine/analysis/estimate.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

namespace bsbr {
namespace {

/// 97.5 % quantile of Student's t. From 10 degrees of freedom on by the expansion of Abramowitz and Stegun,
/// 26.7.5, which is then good to 2e-5.
double student_t(std::size_t freedom) {
  constexpr std::array kFew{12.70620, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216};
  if (freedom <= kFew.size()) return kFew[freedom - 1];
  constexpr double z = 1.959964;
  constexpr double z2 = z * z;
  const double step = 1 / static_cast<double>(freedom);
  const double g1 = z * (z2 + 1) / 4;
  const double g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
  const double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
  const double g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
  return z + step * (g1 + step * (g2 + step * (g3 + step * g4)));
}

}  // namespace

nlohmann::json Estimate::to_json() const {
  return {{"mean", mean}, {"margin", margin ? nlohmann::json(*margin) : nlohmann::json()}};
}

Estimate estimate(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  Estimate result;
  for (const double value : values) result.mean += value / n;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.margin = student_t(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return result;
}

}  // namespace bsbr
