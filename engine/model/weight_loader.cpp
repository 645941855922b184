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
#include "engine/model/spare_tensors.h"

namespace bsbr {

bool is_weight_type(Dtype dtype) {
  return dtype == Dtype::F64 || dtype == Dtype::F32 || dtype == Dtype::F16 || dtype == Dtype::BF16;
}

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::F16:
      return at::kHalf;
    case Dtype::BF16:
      return at::kBFloat16;
    case Dtype::F64:
      return at::kDouble;
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

const TensorView* WeightLoader::find(const std::string& name) const {
  if (const auto other = stored_.find(name); other != stored_.end()) return checkpoint_.find(other->second);
  if (const TensorView* view = checkpoint_.find(name)) return view;
  const auto& shared = checkpoint_.shared_names();
  const auto kept = shared.find(name);
  return kept == shared.end() ? nullptr : checkpoint_.find(kept->second);
}

std::string WeightLoader::prefix(const std::string& before, std::initializer_list<const char*> names) const {
  const auto is_there = [&](const std::string& prefix) {
    return std::ranges::any_of(names, [&](const char* name) { return find(prefix + name) != nullptr; });
  };
  return is_there("") && !is_there(before) ? "" : before;
}

void WeightLoader::warn(const std::string& what) {
  warnings_.push_back(cat(checkpoint_.folder().string(), ": ", what));
}

void WeightLoader::check() {
  std::vector<std::string> missing, shapes, types, foreign, spare;
  SpareTensors others;
  std::set<std::string_view> used;
  for (const std::string& name : ignored_) others.expect(name);
  for (const auto& [name, shape] : expected_) {
    const TensorView* view = find(name);
    others.expect(name);
    if (view == nullptr) {
      missing.push_back(name);
      continue;
    }
    used.insert(view->name);
    if (view->shape != shape) {
      shapes.push_back(
          cat(name, " is ", shape_text(view->shape), ", config.json asks for ", shape_text(shape)));
    } else if (!is_weight_type(view->dtype)) {
      types.push_back(cat(name, " is ", to_string(view->dtype)));
    }
  }
  for (const TensorView& view : checkpoint_.tensors()) {
    if (used.contains(view.name) || ignored_.contains(view.name)) continue;
    const SpareTensors::Kind kind = others.kind_of(view);
    if (kind == SpareTensors::Kind::Foreign) foreign.push_back(view.name);
    if (kind == SpareTensors::Kind::Spare) spare.push_back(view.name);
  }
  std::string message;
  add_names(message, "missing tensors", missing);
  add_names(message, "wrong shapes", shapes);
  add_names(message, "weights must be F64, F32, F16 or BF16", types);
  add_names(message, "tensors that change what its layers compute and that this program has no place for",
            foreign);
  if (!message.empty()) {
    add_names(message, "unknown tensors", spare);
    throw Error(ErrorKind::InvalidFile,
                cat(checkpoint_.folder().string(), ": the tensors do not fit config.json: ", message));
  }
  add_names(message, "tensors that the model does not need are left out", spare);
  if (!message.empty()) warn(message);
}

std::map<std::string, std::string> WeightLoader::names() const {
  std::map<std::string, std::string> names;
  for (const auto& [name, shape] : expected_) {
    const TensorView* view = find(name);
    if (view != nullptr) names.emplace(name, view->name);
  }
  return names;
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
  at::Tensor tensor = tensor_of(*find(name), checkpoint_);
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
