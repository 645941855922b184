#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// How the next token is taken from the logits.
struct SamplingOptions {
  double temperature = 0;  ///< 0: always the most likely token
  std::int64_t top_k = 0;  ///< only the k most likely tokens; 0: all
  double top_p = 1;        ///< of these only the smallest set whose probability reaches p
  std::uint64_t seed = 0;

  /// Throws Error(InvalidArgument) naming each value that is out of range and its legal values.
  void validate() const;
};

/// Draws tokens; the same seed and logits give the same tokens on every machine. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options);
  /// Of equal logits the lower id comes first. Logits that are NaN are never taken; throws
  /// Error(InvalidArgument) if all are. Several that are infinite, or all that are minus infinity, are
  /// equally likely.
  TokenId next(std::span<const float> logits);

 private:
  SamplingOptions options_;
  std::mt19937_64 random_;
  std::vector<std::int64_t> order_;
  std::vector<double> weight_;
};

}  // namespace bsbr
