#include "engine/model/sampler.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"

namespace bsbr {

void SamplingOptions::validate() const {
  if (!(temperature >= 0) || std::isinf(temperature)) {
    throw Error(ErrorKind::InvalidArgument,
                cat("temperature is ", temperature, "; legal: 0 (greedy) or above"));
  }
  if (top_k < 0)
    throw Error(ErrorKind::InvalidArgument, cat("top_k is ", top_k, "; legal: 0 (all) or above"));
  if (!(top_p > 0 && top_p <= 1)) {
    throw Error(ErrorKind::InvalidArgument, cat("top_p is ", top_p, "; legal: above 0, up to 1 (all)"));
  }
}

Sampler::Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {
  options_.validate();
}

TokenId Sampler::next(std::span<const float> logits) {
  order_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!std::isnan(logits[i])) order_.push_back(static_cast<std::int64_t>(i));
  }
  if (order_.empty()) {
    throw Error(ErrorKind::InvalidArgument, "every logit is NaN; the checkpoint's weights are damaged");
  }
  const auto logit = [&](std::int64_t id) { return logits[static_cast<std::size_t>(id)]; };
  const auto likelier = [&](std::int64_t a, std::int64_t b) {
    return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
  };
  if (options_.temperature == 0) return *std::min_element(order_.begin(), order_.end(), likelier);

  if (options_.top_k > 0 && static_cast<std::size_t>(options_.top_k) < order_.size()) {
    std::nth_element(order_.begin(), order_.begin() + options_.top_k, order_.end(), likelier);
    order_.resize(static_cast<std::size_t>(options_.top_k));
  }
  std::sort(order_.begin(), order_.end(), likelier);
  weight_.clear();
  double total = 0;
  const double top = logit(order_[0]);
  for (const std::int64_t id : order_) {
    const double value = logit(id);
    // The difference of two equal infinities is no number.
    weight_.push_back(value == top ? 1 : std::exp((value - top) / options_.temperature));
    total += weight_.back();
  }
  double kept = 0;
  std::size_t count = 0;
  while (count < weight_.size() && kept < options_.top_p * total) kept += weight_[count++];
  // 53 random bits, by hand: the standard distributions differ between libraries.
  double left = static_cast<double>(random_() >> 11) * 0x1p-53 * kept;
  for (std::size_t i = 0; i < count; ++i) {
    left -= weight_[i];
    if (left < 0) return order_[i];
  }
  return order_[count - 1];
}

}  // namespace bsbr
