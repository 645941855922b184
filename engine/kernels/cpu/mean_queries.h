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
/// Of one sequence in one layer, one for each key-value head over all its query heads. Rotary queries are
/// averaged as if all stood at position 0. Token by token and in double, so that the means do not depend on
/// how a sequence is cut into pieces. Not thread-safe.
class MeanQueries {
 public:
  /// heads: of queries, a multiple of kv_heads. `frequencies`: of rotary queries, as KeyGrouper takes them.
  MeanQueries(std::size_t heads, std::size_t kv_heads, std::size_t dim, std::span<const float> frequencies);

  /// Counts the queries of the next token, times `scale`: element i of head h at h · head_stride + i.
  void add(const float* queries, std::size_t head_stride, double scale);

  /// For the calls of expected() that follow: where the key is.
  void look_from(double position);
  /// The mean query [dim] that a key at that position expects, until the next call. At least one token must
  /// have been added.
  const std::vector<float>& expected(std::size_t kv_head);

 private:
  std::size_t group_, dim_;
  std::size_t tokens_ = 0;
  std::vector<double> frequencies_;
  PairFactors mean_turn_;
  PairFactors step_;             // e^{-iω}
  PairFactors turn_;             // e^{-iωt} of the next token t
  PairFactors from_;             // mean_turn_ · e^{iωp}, p the position that is looked from
  std::vector<double> sums_;     // [kv_heads, dim]
  std::vector<double> work_;     // [dim]
  std::vector<float> expected_;  // [dim]
};

}  // namespace bsbr
