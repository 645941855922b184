#include "engine/model/linear.h"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/linear.h>

#include <optional>

namespace bsbr {
namespace {

/// LibTorch's operator for oneDNN's product on plain tensors; it has no function of its own in ATen. The
/// last three say which activation is fused: none.
using OneDnnLinear = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                c10::string_view, c10::List<std::optional<at::Scalar>>,
                                std::optional<c10::string_view>);

/// Nothing where LibTorch was built without oneDNN.
std::optional<c10::TypedOperatorHandle<OneDnnLinear>> one_dnn_linear() {
  if (!at::globalContext().hasMKLDNN()) return std::nullopt;
  const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  if (!found) return std::nullopt;
  return found->typed<OneDnnLinear>();
}

bool has_dense_rows_or_columns(const at::Tensor& x) {
  return x.stride(0) == 1 || x.stride(1) == 1;
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  static const auto one_dnn = one_dnn_linear();
  const bool fits = one_dnn && x.is_cpu() && x.scalar_type() == at::kFloat && x.numel() > 0 &&
                    weight.scalar_type() == at::kFloat && has_dense_rows_or_columns(weight);
  if (!fits) return at::linear(x, weight, bias);
  const std::optional<at::Tensor> added = bias.defined() ? std::optional(bias) : std::nullopt;
  return one_dnn->call(x, weight, added, "none", c10::List<std::optional<at::Scalar>>(), "");
}

}  // namespace bsbr
