#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "engine/attention/attention.h"
#include "engine/kernels/cuda/interface.h"

namespace bsbr {

/// How one kernel did on one random input.
struct KernelCheck {
  std::string kernel;  ///< "condense"
  std::string input;   ///< "float16, 6 heads of 16 in groups of 3, chunk 32, …"
  std::string fault;   ///< what was found wrong; empty: passed

  [[nodiscard]] bool passed() const { return fault.empty(); }
};
using CheckSink = std::function<void(const KernelCheck&)>;

/// A random attention: sizes, settings and the tensors that it is called with.
struct KernelCase {
  AttentionShape shape;
  BsbrConfig config;
  at::ScalarType type;
  double scale;
  at::Tensor query, key, value;  ///< on the CPU, of `type`, strided as a decoder's

  [[nodiscard]] std::string text() const;
};
/// Small, and different in every number of a seed; the same for the same seed.
KernelCase random_case(std::uint64_t seed, at::ScalarType type);
/// Heads of that size as models have them, by the default settings, over more chunks than the kernels weigh
/// at once. `coarse`: so few of them are candidates that the others are read as wholes.
KernelCase usual_case(std::int64_t head_dim, bool coarse, at::ScalarType type);
/// The sizes of heads that usual_case() is for.
inline constexpr std::array<std::int64_t, 4> kUsualHeads{64, 128, 192, 256};

/// Runs every CUDA kernel on a device and holds what it left in the device's memory against the CPU: copies
/// to the bit, states against KvStore's, near sums, choices and outputs against plain sums in double of what
/// they were made from. A choice passes if every score is on its side of the border but for rounding.
void check_cuda_kernels(const KernelCase& of, at::Device device, const cuda::Interface& kernels,
                        const CheckSink& sink);

/// Attention as a whole, of float32, against make_bsbr_reference: all but a few rows, in which rounding may
/// choose another block.
void check_attention(const KernelCase& of, const Attention& attention, at::Device device, const char* name,
                     const CheckSink& sink);

/// make_dense_attention on a device against plain sums on the CPU.
void check_dense(const KernelCase& of, at::Device device, const CheckSink& sink);

}  // namespace bsbr
