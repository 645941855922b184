#include "engine/model/weight_loader.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/sum.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/base/error.h"

namespace bsbr {

bool is_weight_type(Dtype dtype) {
  return dtype == Dtype::F32 || dtype == Dtype::F16 || dtype == Dtype::BF16;
}

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::F16:
      return at::kHalf;
    case Dtype::BF16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += cat(i == 0 ? "" : ", ", shape[i]);
  return text + "]";
}

/// Adds "title: a, b, c and 12 more" to a message; at most a few names, so that it stays readable.
void add_names(std::string& message, const std::string& title, const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 12;
  if (names.empty()) return;
  message += cat(message.empty() ? "" : "; ", title, " (", names.size(), "): ");
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) message += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMost) message += cat(" and ", names.size() - kMost, " more");
}

/// The view as a tensor of its type on the CPU, which keeps the checkpoint open. One whose values do not
/// begin at a multiple of their size is copied.
at::Tensor tensor_of(const TensorView& view, const Checkpoint& checkpoint) {
  const at::TensorOptions options(scalar_type(view.dtype));
  if (reinterpret_cast<std::uintptr_t>(view.bytes.data()) % size_of(view.dtype) != 0) {
    at::Tensor copy = at::empty(view.shape, options);
    std::memcpy(copy.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
    return copy;
  }
  // The mapping is read-only and nothing writes to weights.
  auto* data = const_cast<std::byte*>(view.bytes.data());
  return at::from_blob(
      data, view.shape, [keep = checkpoint](void*) {}, options);
}

}  // namespace

void WeightLoader::expect(const std::string& name, std::vector<std::int64_t> shape) {
  expected_.emplace(name, std::move(shape));
}

void WeightLoader::check() const {
  std::vector<std::string> missing, shapes, types, unknown;
  for (const auto& [name, shape] : expected_) {
    const TensorView* view = checkpoint_.find(name);
    if (view == nullptr) {
      missing.push_back(name);
    } else if (view->shape != shape) {
      shapes.push_back(
          cat(name, " is ", shape_text(view->shape), ", config.json asks for ", shape_text(shape)));
    } else if (!is_weight_type(view->dtype)) {
      types.push_back(cat(name, " is ", to_string(view->dtype)));
    }
  }
  for (const TensorView& view : checkpoint_.tensors()) {
    if (!expected_.contains(view.name) && !ignored_.contains(view.name)) unknown.push_back(view.name);
  }
  std::string message;
  add_names(message, "missing tensors", missing);
  add_names(message, "wrong shapes", shapes);
  add_names(message, "weights must be F32, F16 or BF16", types);
  add_names(message, "unknown tensors", unknown);
  if (!message.empty()) {
    throw Error(ErrorKind::InvalidFile,
                cat(checkpoint_.folder().string(), ": the tensors do not fit config.json: ", message));
  }
}

std::int64_t WeightLoader::parameters() const {
  std::int64_t sum = 0;
  for (const auto& [name, shape] : expected_) {
    sum += std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  }
  return sum;
}

at::Tensor WeightLoader::take(const std::string& name) {
  job_.report("loading weights", static_cast<double>(taken_++) / static_cast<double>(expected_.size()));
  at::Tensor tensor = tensor_of(*checkpoint_.find(name), checkpoint_);
  tensor = tensor.to(device_, at::kFloat);
  if (!std::isfinite(tensor.sum().item<float>())) {
    const std::int64_t bad = tensor.numel() - at::isfinite(tensor).sum().item<std::int64_t>();
    if (bad > 0) {
      warnings_.push_back(cat(name, ": ", bad, " of ", tensor.numel(),
                              " values are NaN or infinite; what the model predicts is meaningless"));
    }
  }
  return tensor.to(dtype_);
}

}  // namespace bsbr
