#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bsbr {

/// What a rotary pair of the mean query is multiplied by, real and imaginary part.
struct PairFactors {
  std::vector<double> real, imaginary;  ///< [dim / 2]
};

/// Means of e^{iωD} over the distances D at which a key is read, for every frequency ω: of the pairs of a
/// text of N = kReadDistance tokens, N - D are D apart, so it is 2 ∫ (1 - u) e^{iωNu} du over u from 0 to 1.
/// That of a fast pair is next to 0.
inline constexpr double kReadDistance = 4096;
PairFactors mean_turns(std::span<const float> frequencies);

/// What a key expects of the queries that will read it: their mean, estimated by that of the queries so far.
/// Of one sequence in one layer and key-value head, over all query heads that it serves. Rotary queries are
/// averaged as if all stood at position 0. Token by token and in double, so that the mean does not depend on
/// how a sequence is cut into pieces. Not thread-safe.
class MeanQuery {
 public:
  /// heads: of queries. `frequencies`: of rotary queries, as KeyGrouper takes them.
  MeanQuery(std::size_t heads, std::size_t dim, std::span<const float> frequencies);

  /// Counts the queries of the next token, times `scale`: element i of head h at h · head_stride + i.
  void add(const float* queries, std::size_t head_stride, double scale);

  /// The mean query [dim] that a key at that position expects. At least one token must have been added.
  void expect(double position, float* query);

 private:
  std::size_t heads_, dim_;
  std::size_t tokens_ = 0;
  std::vector<double> frequencies_;
  PairFactors mean_turn_;
  PairFactors step_;                // e^{-iω}
  PairFactors turn_;                // e^{-iωt} of the next token t
  std::vector<double> sum_, work_;  // [dim]
};

}  // namespace bsbr
