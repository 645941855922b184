#pragma once

#include <cstdint>
#include <span>

#include "engine/base/job.h"
#include "engine/checkpoint/gguf_file.h"

namespace bsbr {

/// How a tensor's values get into HuggingFace's order. Rotated: every head's rows, which the file has as
/// [head_dim / 2, 2] for rotation of neighbouring pairs, become [2, head_dim / 2]; so do a bias's values.
enum class GgufOrder : std::uint8_t { Same, Rotated, Transposed };

/// A tensor and the place for its values; as many as it has, a whole number of heads if it is rotated, a
/// matrix if it is transposed.
struct GgufReading {
  const GgufTensor* tensor;
  GgufOrder order;
  std::size_t head_dim;
  std::span<float> out;
};

/// Dequantises tensors on the threads that computations use (set_threads()). `job` is reported to on the
/// calling thread, and the work stops soon after it is cancelled. Throws Error(Cancelled) and what the job's
/// progress throws.
void read_gguf_tensors(std::span<const GgufReading> readings, const Job& job);

}  // namespace bsbr
