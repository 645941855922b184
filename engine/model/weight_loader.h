#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"

namespace bsbr {

/// Float32, float16 and bfloat16: what weights are stored as.
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

  void expect(const std::string& name, std::vector<std::int64_t> shape);
  [[nodiscard]] bool expects(const std::string& name) const { return expected_.contains(name); }
  /// A tensor that may be there and is not needed.
  void ignore(const std::string& name) { ignored_.insert(name); }
  /// Throws Error(InvalidFile | Unsupported) that names every tensor that is missing, unknown, of a wrong
  /// shape or of a type that weights cannot have. Nothing has been read before.
  void check() const;

  /// Elements of all expected tensors.
  [[nodiscard]] std::int64_t parameters() const;

  /// The tensor, float32, on the device. Its values are looked through for NaN and infinity.
  at::Tensor take(const std::string& name);

  /// One line for each taken tensor with values that are not finite.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Checkpoint checkpoint_;
  at::Device device_;
  at::ScalarType dtype_;
  Job job_;
  std::map<std::string, std::vector<std::int64_t>> expected_;
  std::set<std::string> ignored_;
  std::vector<std::string> warnings_;
  std::size_t taken_ = 0;
};

}  // namespace bsbr
