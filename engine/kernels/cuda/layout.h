#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/kernels/cuda/interface.h"
#include "engine/kernels/zones.h"

/// What lies where in device memory, for the host and the device.
namespace bsbr::cuda {

BSBR_ANYWHERE constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + 15) / 16 * 16;
}

/// Keys and values of a chunk.
struct ChunkLayout {
  std::size_t head_bytes;  ///< of one key-value head's keys, [chunk, dim]; its values likewise
  std::size_t values_at;   ///< the values begin here
  std::size_t bytes;

  BSBR_ANYWHERE explicit constexpr ChunkLayout(const Shape& shape)
      : head_bytes(aligned(static_cast<std::size_t>(shape.chunk) * static_cast<std::size_t>(shape.dim) *
                           size_of(shape.element))),
        values_at(static_cast<std::size_t>(shape.kv_heads) * head_bytes),
        bytes(2 * values_at) {}
};

BSBR_ANYWHERE constexpr std::int32_t states_of_chunk(const Shape& shape) {
  return shape.chunk / shape.block * shape.states;
}

/// Condensed states of a complete chunk, one key-value head after the other; the meanings are KvStore's.
struct StateLayout {
  std::size_t chunk_key_at = 0;  ///< float [dim]: mean key of the chunk
  std::size_t chunk_value_at;    ///< float [dim]
  std::size_t bias_at;           ///< float [states of the chunk], as the two below
  std::size_t log_size_at;
  std::size_t log_spread_at;
  std::size_t keys_at;    ///< [states of the chunk, dim], of the shape's element
  std::size_t values_at;  ///< likewise
  std::size_t head_bytes;
  std::size_t bytes;

  BSBR_ANYWHERE explicit constexpr StateLayout(const Shape& shape)
      : chunk_value_at(aligned(static_cast<std::size_t>(shape.dim) * sizeof(float))),
        bias_at(2 * chunk_value_at),
        log_size_at(bias_at + aligned(static_cast<std::size_t>(states_of_chunk(shape)) * sizeof(float))),
        log_spread_at(2 * log_size_at - bias_at),
        keys_at(3 * log_size_at - 2 * bias_at),
        values_at(keys_at + aligned(static_cast<std::size_t>(states_of_chunk(shape)) *
                                    static_cast<std::size_t>(shape.dim) * size_of(shape.element))),
        head_bytes(2 * values_at - keys_at),
        bytes(static_cast<std::size_t>(shape.kv_heads) * head_bytes) {}
};

/// Floats that condensing one block works in.
constexpr std::size_t condense_floats(const Shape& shape) {
  const auto b = static_cast<std::size_t>(shape.block);
  return b * (b + static_cast<std::size_t>(shape.dim));
}

/// Sizes of an attend call's scratch memory.
struct ScratchSizes {
  std::size_t rows, dim;
  std::int32_t chunks, slots, states, blocks, retrieved, splits;

  /// For `positions` queries of a sequence of at most `tokens`; `splits`: workers that share one row's far
  /// past.
  ScratchSizes(const Shape& shape, const Reach& reach, std::int32_t tokens, std::int32_t positions,
               std::int32_t splits_each)
      : rows(static_cast<std::size_t>(positions) * static_cast<std::size_t>(shape.heads)),
        dim(static_cast<std::size_t>(shape.dim)),
        chunks(std::max(1, tokens / shape.chunk)),
        slots(std::min(chunks, zones::most_candidates(reach.candidate_chunks, reach.retrieve, shape.chunk))),
        states(slots * states_of_chunk(shape)),
        blocks(slots * (shape.chunk / shape.block)),
        retrieved(std::min(reach.retrieve, chunks * shape.chunk) / shape.block),
        splits(splits_each) {}

  /// Hands out the parts of `base`, at least bytes() large.
  [[nodiscard]] Scratch lay_out(std::byte* base) const {
    Scratch scratch{};
    place(base, scratch);
    return scratch;
  }
  [[nodiscard]] std::size_t bytes() const {
    Scratch scratch{};
    return place(nullptr, scratch);
  }

 private:
  std::size_t place(std::byte* base, Scratch& scratch) const {
    std::size_t used = 0;
    const auto take = [&](auto*& pointer, std::size_t each) {
      using T = std::remove_reference_t<decltype(*pointer)>;
      pointer = base == nullptr ? nullptr : reinterpret_cast<T*>(base + used);
      used += aligned(rows * each * sizeof(T));
    };
    const auto wide = [](std::int32_t n) { return static_cast<std::size_t>(n); };
    take(scratch.near_out, dim);
    take(scratch.near_sum, 1);
    take(scratch.near_shift, 1);
    take(scratch.chunk_logits, wide(chunks));
    take(scratch.slots, wide(chunks));
    take(scratch.of_slot, wide(slots));
    take(scratch.logits, wide(states));
    take(scratch.scores, wide(blocks));
    take(scratch.state_sum, 1);
    take(scratch.state_shift, 1);
    take(scratch.chosen, wide(retrieved));
    take(scratch.count, 1);
    take(scratch.state_out, wide(splits) * dim);
    take(scratch.far_out, wide(splits) * dim);
    take(scratch.far_sum, wide(splits));
    take(scratch.far_shift, wide(splits));
    scratch.chunks = chunks;
    scratch.slots_each = slots;
    scratch.retrieved = retrieved;
    scratch.splits = splits;
    return used;
  }
};

}  // namespace bsbr::cuda
