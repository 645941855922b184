#pragma once

#include <cstdint>
#include <memory>

#include "engine/attention/attention.h"
#include "engine/attention/device_store.h"

namespace bsbr {

/// BSBR attention by the kernels of engine/kernels/cuda, of float32, float16 and bfloat16. `kernels` are
/// those of the device (cuda::load_kernels; tests emulate them on the CPU) and have to live on. At most
/// `scratch_bytes` are worked in, unless a single position needs more. Throws Error(Unsupported) for heads
/// that are too wide.
std::unique_ptr<Attention> make_bsbr_cuda(const AttentionShape& shape, const BsbrConfig& config,
                                          at::Device device, std::int64_t layer,
                                          const cuda::Interface& kernels,
                                          std::size_t scratch_bytes = std::size_t{64} << 20);

/// What attention on a GPU is to work in: the more, the more queries its kernels read for at once. A 64th of
/// the device's memory, between 64 MiB and 1 GiB.
std::size_t cuda_scratch_bytes(at::Device device);

/// The queries [N, heads, dim], the last N of the store, in one pass: how they are attended from, and the
/// memory that this takes.
struct DevicePass {
  cuda::AttendCall call;
  at::Tensor out;      ///< [N, heads · dim]
  at::Tensor scratch;  ///< bytes, behind call.scratch
};
DevicePass make_pass(const DeviceConstants& constants, const DeviceStore& store, const at::Tensor& query,
                     std::int64_t first, double scale, const at::Tensor& exact);

}  // namespace bsbr
