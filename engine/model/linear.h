#pragma once

#include <ATen/core/Tensor.h>

namespace bsbr {

/// x · weightᵀ + bias: x [rows, in], weight [out, in] with any strides, bias [out] or undefined; [rows, out].
/// In float32 on the CPU through oneDNN, whose products run at the speed of the processor's widest vectors
/// whoever made it; elsewhere through at::linear.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

}  // namespace bsbr
