#pragma once

#include <optional>

namespace bsbr {

/// What a plan is to reach on text that it was not made from; exactly one of the first two.
struct PlanTarget {
  std::optional<double> density;  ///< exact pairs / causal pairs, at most
  std::optional<double> kl;       ///< mean KL(original ‖ converted), nats, at most; then the least density
  /// Extra loss in recall at every distance, nats a token, at most: with `kl` a condition, with `density`
  /// not.
  double recall = 0.05;

  /// Throws Error(InvalidArgument).
  void validate() const;
};

}  // namespace bsbr
