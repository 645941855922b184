#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>

#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// What an export writes of a type: weights (float32, float16, bfloat16) as `wanted`, if that is given, all
/// else as it is.
Dtype recast_type(Dtype dtype, std::optional<Dtype> wanted);

/// A tensor's bytes in another floating-point type, rounded to the nearest, ties to even; made in pieces.
class Recast {
 public:
  Recast(TensorView tensor, std::optional<Dtype> wanted)
      : tensor_(std::move(tensor)), dtype_(recast_type(tensor_.dtype, wanted)) {}

  [[nodiscard]] Dtype dtype() const { return dtype_; }
  /// All of it.
  [[nodiscard]] std::uint64_t bytes() const {
    return tensor_.bytes.size() / size_of(tensor_.dtype) * size_of(dtype_);
  }
  /// The bytes [at, at + size), whole elements; good until the next call. Throws Error(InvalidArgument) for a
  /// number that the type is too narrow for.
  std::span<const std::byte> read(std::uint64_t at, std::uint64_t size);

 private:
  TensorView tensor_;
  Dtype dtype_;
  at::Tensor piece_;
};

}  // namespace bsbr
