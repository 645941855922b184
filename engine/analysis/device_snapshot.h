#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "engine/attention/bsbr_cuda.h"

namespace bsbr {

struct KernelCase;

/// States of one chunk and key-value head, on the CPU.
struct DeviceStates {
  at::Tensor chunk_key, chunk_value;      ///< [dim]
  at::Tensor bias, log_size, log_spread;  ///< [states of the chunk]
  at::Tensor keys, values;                ///< [states of the chunk, dim], float32
};

/// What lay in device memory after a pass, copied to the CPU.
struct DeviceSnapshot {
  DeviceSnapshot(const KernelCase& of, const DeviceStore& store, const DevicePass& pass, at::Device device);

  std::int64_t first;                             ///< position of the pass's first query
  at::Tensor keys, values;                        ///< [tokens, kv_heads, dim]
  std::vector<std::vector<DeviceStates>> states;  ///< [complete chunks][kv_heads]
  at::Tensor near_out;                            ///< [rows, dim], as those below cuda::Scratch's
  at::Tensor near_sum, near_shift, count;         ///< [rows]
  at::Tensor slots, chosen;                       ///< [rows, …]
};

}  // namespace bsbr
