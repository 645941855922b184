#include "engine/kernels/cpu/mean_queries.h"

#include <algorithm>
#include <cmath>

#include "engine/kernels/cpu/turn_pairs.h"

namespace bsbr {
namespace {

/// e^{iωp} of every frequency.
PairFactors turns_at(std::span<const double> frequencies, double position) {
  PairFactors turns;
  for (const double frequency : frequencies) {
    turns.real.push_back(std::cos(frequency * position));
    turns.imaginary.push_back(std::sin(frequency * position));
  }
  return turns;
}

/// x[i] and x[i + n] times the factors, n of them.
void multiply(double* x, const PairFactors& by) {
  const std::size_t n = by.real.size();
  turn_pairs(x, x + n, by.real.data(), by.imaginary.data(), n, x, x + n);
}

void multiply(PairFactors& factors, const PairFactors& by) {
  turn_pairs(factors.real.data(), factors.imaginary.data(), by.real.data(), by.imaginary.data(),
             by.real.size(), factors.real.data(), factors.imaginary.data());
}

}  // namespace

PairFactors mean_turns(std::span<const float> frequencies) {
  PairFactors means;
  for (const float frequency : frequencies) {
    const double angle = static_cast<double>(frequency) * kReadDistance;
    // Below, the differences cancel, and the first terms of their series are exact to 1e-9.
    const bool small = std::abs(angle) < 1e-3;
    means.real.push_back(small ? 1 - angle * angle / 12 : 2 * (1 - std::cos(angle)) / (angle * angle));
    means.imaginary.push_back(small ? angle / 3 : 2 * (angle - std::sin(angle)) / (angle * angle));
  }
  return means;
}

MeanQueries::MeanQueries(std::size_t heads, std::size_t kv_heads, std::size_t dim,
                         std::span<const float> frequencies)
    : group_(heads / kv_heads),
      dim_(dim),
      frequencies_(frequencies.begin(), frequencies.end()),
      mean_turn_(mean_turns(frequencies)),
      step_(turns_at(frequencies_, -1)),
      turn_(turns_at(frequencies_, 0)),
      sums_(kv_heads * dim),
      work_(dim),
      expected_(dim) {}

void MeanQueries::add(const float* queries, std::size_t head_stride, double scale) {
  for (std::size_t begin = 0; begin < sums_.size(); begin += dim_) {
    std::fill(work_.begin(), work_.end(), 0.0);
    for (std::size_t head = 0; head < group_; ++head, queries += head_stride) {
      for (std::size_t i = 0; i < dim_; ++i) work_[i] += static_cast<double>(queries[i]);
    }
    multiply(work_.data(), turn_);
    for (std::size_t i = 0; i < dim_; ++i) sums_[begin + i] += scale * work_[i];
  }
  multiply(turn_, step_);
  ++tokens_;
}

void MeanQueries::look_from(double position) {
  from_ = turns_at(frequencies_, position);
  multiply(from_, mean_turn_);
}

const std::vector<float>& MeanQueries::expected(std::size_t kv_head) {
  const double* sum = sums_.data() + kv_head * dim_;
  const double share = 1 / static_cast<double>(tokens_ * group_);
  std::transform(sum, sum + dim_, work_.begin(), [&](double x) { return share * x; });
  multiply(work_.data(), from_);
  std::copy(work_.begin(), work_.end(), expected_.begin());
  return expected_;
}

}  // namespace bsbr
