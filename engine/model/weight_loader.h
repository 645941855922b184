#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"

namespace bsbr {

/// Float64, float32, float16 and bfloat16: what weights are stored as.
bool is_weight_type(Dtype dtype);
/// LibTorch's name of such a type.
at::ScalarType scalar_type(Dtype dtype);

/// Brings tensors of a checkpoint to a device as float32; on the CPU, float32 data stays where it is mapped
/// if it is aligned there.
/// Use: expect() every tensor, check() once, then take() them.
class WeightLoader {
 public:
  WeightLoader(Checkpoint checkpoint, at::Device device, Job job, at::ScalarType dtype = at::kFloat)
      : checkpoint_(std::move(checkpoint)), device_(device), dtype_(dtype), job_(std::move(job)) {}

  [[nodiscard]] const Checkpoint& checkpoint() const { return checkpoint_; }
  /// The tensor of that name, or the one that the files say it shares; nullptr when there is neither.
  [[nodiscard]] const TensorView* find(const std::string& name) const;
  /// What stands before the names of a model's tensors: `before`, or nothing if the checkpoint has one of
  /// `names` without it and none with it, as a model that was saved without its head.
  [[nodiscard]] std::string prefix(const std::string& before, std::initializer_list<const char*> names) const;

  void expect(const std::string& name, std::vector<std::int64_t> shape);
  /// The checkpoint holds the expected tensor `name` under another name.
  void stored_as(const std::string& name, const std::string& stored) { stored_.emplace(name, stored); }
  /// A tensor that may be there and is not needed.
  void ignore(const std::string& name) { ignored_.insert(name); }
  /// Adds to warnings().
  void warn(const std::string& what);
  /// Throws Error(InvalidFile) that names every tensor that is missing, of a wrong shape or of a type that
  /// weights cannot have, and every one that nobody expects and that would change what a layer computes.
  /// Others that nobody expects are a warning. Nothing has been read before.
  void check();

  /// The expected tensors, each with the name under which the checkpoint holds it.
  [[nodiscard]] std::map<std::string, std::string> names() const;
  /// Elements of all expected tensors.
  [[nodiscard]] std::int64_t parameters() const;

  /// The tensor, float32, on the device. Its values are looked through for NaN and infinity.
  at::Tensor take(const std::string& name);

  /// What a person should know, a line each: tensors that are left out, and, once taken, values that are not
  /// finite.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Checkpoint checkpoint_;
  at::Device device_;
  at::ScalarType dtype_;
  Job job_;
  std::map<std::string, std::vector<std::int64_t>> expected_;
  std::map<std::string, std::string> stored_;
  std::set<std::string> ignored_;
  std::vector<std::string> warnings_;
  std::size_t taken_ = 0;
};

}  // namespace bsbr
