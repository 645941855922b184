#include "engine/model/rope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

#include <numbers>

namespace bsbr {
namespace {

/// Llama 3.1's scaling: long waves are stretched by the factor, short ones are kept, those between are
/// blended. Source: Llama models repository of Meta, apply_scaling.
at::Tensor scale_llama3(const at::Tensor& frequency, const RopeConfig& config) {
  const auto context = static_cast<double>(config.original_context);
  const at::Tensor wavelength = (2 * std::numbers::pi) / frequency;
  const at::Tensor stretched = frequency / config.factor;
  const at::Tensor blend = (context / wavelength - config.low_frequency_factor) /
                           (config.high_frequency_factor - config.low_frequency_factor);
  const at::Tensor blended = (1 - blend) * stretched + blend * frequency;
  const at::Tensor is_long = wavelength > context / config.low_frequency_factor;
  const at::Tensor is_short = wavelength < context / config.high_frequency_factor;
  return at::where(is_long, stretched, at::where(is_short, frequency, blended));
}

}  // namespace

Rope::Rope(const RopeConfig& config, std::int64_t head_dim, at::Device device) {
  // In float32 throughout, as the models were trained.
  const at::Tensor exponent = at::arange(0, head_dim, 2, at::TensorOptions(at::kFloat)) / head_dim;
  at::Tensor frequency = at::pow(at::Scalar(config.theta), exponent).reciprocal();
  if (config.type == RopeType::Linear) frequency = frequency / config.factor;
  if (config.type == RopeType::Llama3) frequency = scale_llama3(frequency, config);
  frequency_ = frequency.to(device);
}

std::vector<float> Rope::frequencies() const {
  const at::Tensor host = frequency_.to(at::kCPU).contiguous();
  return {host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel()};
}

Rope::Turn Rope::at_positions(const at::Tensor& positions) const {
  const at::Tensor angle = positions.to(at::kFloat).unsqueeze(1) * frequency_.unsqueeze(0);
  return {angle.cos().unsqueeze(1), angle.sin().unsqueeze(1)};
}

at::Tensor rotate(const at::Tensor& x, const Rope::Turn& turn) {
  const std::int64_t half = x.size(2) / 2;
  const at::Tensor first = x.narrow(2, 0, half);
  const at::Tensor second = x.narrow(2, half, half);
  at::Tensor out = at::empty_like(x, at::MemoryFormat::Contiguous);
  const auto combine = [](at::Tensor to, const at::Tensor& a, const at::Tensor& b, const at::Tensor& c,
                          const at::Tensor& d, int sign) {
    at::mul_out(to, a, b);
    to.addcmul_(c, d, sign);
  };
  combine(out.narrow(2, 0, half), first, turn.cosine, second, turn.sine, -1);
  combine(out.narrow(2, half, half), second, turn.cosine, first, turn.sine, 1);
  return out;
}

}  // namespace bsbr
