#pragma once

#include <c10/core/Device.h>

#include <cstdint>

#include "engine/base/error.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// Rows that go through a layer's products together: enough for full speed, few enough that what lies between
/// them stays in the processor's cache and takes little memory.
inline constexpr std::int64_t kPieceRows = 2048;

/// Memory that a model's run takes beside its weights, by the model's shape: for telling what would fit, so
/// rather too much than too little.
struct MemoryNeed {
  std::int64_t cache_each;  ///< bytes of a token: keys, values and states of all layers
  std::int64_t work_each;   ///< bytes of a token that is being processed: what a layer has at once
  std::int64_t fixed;       ///< bytes, whatever the length

  /// `element`: bytes of a number of the model's. `cached`: the keys and values of all layers are kept, and
  /// not only those of the layer that runs.
  MemoryNeed(const ModelConfig& config, std::int64_t element, bool cached);

  /// With `before` tokens in the caches and `added` being processed.
  [[nodiscard]] std::int64_t bytes(std::int64_t before, std::int64_t added) const {
    return fixed + (before + added) * cache_each + added * work_each;
  }
  /// The longest sequence that is processed at once in so many bytes; 0: none.
  [[nodiscard]] std::int64_t tokens_within(std::int64_t bytes) const;
};

/// Memory of a device (or of the machine) that is free, with what LibTorch keeps for reuse.
std::int64_t free_bytes(c10::Device device);

/// Error(OutOfMemory) for a run of `added` tokens after `before`: what it wants, what is free, what would
/// fit.
Error out_of_memory(const MemoryNeed& need, std::int64_t before, std::int64_t added, std::int64_t free);

}  // namespace bsbr
