#include "engine/checkpoint/gguf_rope.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

[[noreturn]] void fail(const GgufFile& file, const std::string& what,
                       ErrorKind kind = ErrorKind::InvalidFile) {
  throw Error(kind, cat(file.path().string(), ": tensor ", in_quotes(kRopeFactors), ": ", what));
}

std::vector<float> factors_of(const GgufFile& file, const GgufTensor& tensor, std::int64_t head_dim) {
  if (tensor.type != GgufType::F32) fail(file, cat("is ", to_string(tensor.type), "; F32 is expected"));
  if (tensor.shape != std::vector{head_dim / 2}) {
    fail(file, cat("is not a list of ", head_dim / 2, " factors, as heads of ", head_dim,
                   " dimensions have frequencies"));
  }
  std::vector<float> factors(tensor.bytes.size() / sizeof(float));
  std::memcpy(factors.data(), tensor.bytes.data(), tensor.bytes.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (factors[i] > 0 && std::isfinite(factors[i])) continue;
    fail(file, cat("its value ", i, " is ", factors[i], "; a number above 0 is expected"));
  }
  return factors;
}

/// What the rule divides a frequency by.
double divisor(const Llama3Scaling& rule, double frequency) {
  const double turns = static_cast<double>(rule.context) * frequency / (2 * std::numbers::pi);
  const double kept = std::clamp((turns - rule.low) / (rule.high - rule.low), 0.0, 1.0);
  return 1 / ((1 - kept) / rule.factor + kept);
}

bool gives(const Llama3Scaling& rule, const std::vector<float>& factors, double theta) {
  const auto count = static_cast<double>(factors.size());
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double expected = divisor(rule, std::pow(theta, -static_cast<double>(i) / count));
    if (std::abs(factors[i] - expected) > 1e-5 * expected) return false;
  }
  return true;
}

}  // namespace

std::optional<Llama3Scaling> read_rope_factors(const GgufFile& file, std::int64_t head_dim, double theta) {
  const GgufTensor* const tensor = file.find(kRopeFactors);
  if (tensor == nullptr) return std::nullopt;
  const std::vector<float> factors = factors_of(file, *tensor, head_dim);
  if (std::ranges::all_of(factors, [](float factor) { return factor == 1; })) return std::nullopt;
  // Llama's own context first: where no frequency is blended, several fit.
  Llama3Scaling rule{std::ranges::max(factors), 8192};
  if (gives(rule, factors, theta)) return rule;
  for (rule.context = 16; rule.context <= 1 << 24; rule.context *= 2) {
    if (gives(rule, factors, theta)) return rule;
  }
  fail(
      file,
      "its factors are not those of Llama 3.1's scaling (low_freq_factor 1, high_freq_factor 4, the original "
      "context a power of two); others are not supported",
      ErrorKind::Unsupported);
}

}  // namespace bsbr
