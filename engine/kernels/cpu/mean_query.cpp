#include "engine/kernels/cpu/mean_query.h"

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

MeanQuery::MeanQuery(std::size_t heads, std::size_t dim, std::span<const float> frequencies)
    : heads_(heads),
      dim_(dim),
      frequencies_(frequencies.begin(), frequencies.end()),
      mean_turn_(mean_turns(frequencies)),
      step_(turns_at(frequencies_, -1)),
      turn_(turns_at(frequencies_, 0)),
      sum_(dim),
      work_(dim) {}

void MeanQuery::add(const float* queries, std::size_t head_stride, double scale) {
  std::fill(work_.begin(), work_.end(), 0.0);
  for (std::size_t head = 0; head < heads_; ++head, queries += head_stride) {
    for (std::size_t i = 0; i < dim_; ++i) work_[i] += static_cast<double>(queries[i]);
  }
  multiply(work_.data(), turn_);
  for (std::size_t i = 0; i < dim_; ++i) sum_[i] += scale * work_[i];
  multiply(turn_, step_);
  ++tokens_;
}

void MeanQuery::expect(double position, float* query) {
  PairFactors turn = turns_at(frequencies_, position);
  multiply(turn, mean_turn_);
  const double share = 1 / static_cast<double>(tokens_ * heads_);
  std::transform(sum_.begin(), sum_.end(), work_.begin(), [&](double x) { return share * x; });
  multiply(work_.data(), turn);
  std::copy(work_.begin(), work_.end(), query);
}

}  // namespace bsbr
