#include "engine/analysis/device_snapshot.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>

#include "engine/analysis/kernel_checks.h"
#include "engine/kernels/cuda/layout.h"

namespace bsbr {
namespace {

at::Tensor copied(const void* from, at::IntArrayRef sizes, at::ScalarType type, at::Device device) {
  const at::Tensor there =
      at::from_blob(const_cast<void*>(from), sizes, at::TensorOptions(type).device(device));
  return there.to(at::kCPU, there.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

DeviceSnapshot::DeviceSnapshot(const KernelCase& of, const DeviceStore& store, const DevicePass& pass,
                               at::Device device)
    : first(pass.call.first) {
  const cuda::Cache cache = store.view();
  const cuda::ChunkLayout chunk_layout(cache.shape);
  const cuda::StateLayout state_layout(cache.shape);
  const std::int64_t dim = of.shape.head_dim, chunk = of.config.chunk_size, kv_heads = of.shape.kv_heads;
  const std::int64_t tokens = store.tokens(), complete = tokens / chunk;
  const std::int64_t of_chunk = cuda::states_of_chunk(cache.shape);
  const auto addresses = [&](void* const* table, std::int64_t entries) {
    return copied(static_cast<const void*>(table), {entries}, at::kLong, device);
  };
  const auto at_byte = [](const at::Tensor& table, std::int64_t chunk_number, std::size_t byte) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the table holds addresses of device memory
    return reinterpret_cast<const char*>(table[chunk_number].item<std::int64_t>()) + byte;
  };

  const at::Tensor chunks = addresses(cache.chunks, (tokens + chunk - 1) / chunk);
  std::vector<at::Tensor> all_keys, all_values;
  for (std::int64_t c = 0; c < chunks.numel(); ++c) {
    std::vector<at::Tensor> chunk_keys, chunk_values;
    for (std::int64_t head = 0; head < kv_heads; ++head) {
      const std::size_t at = static_cast<std::size_t>(head) * chunk_layout.head_bytes;
      chunk_keys.push_back(copied(at_byte(chunks, c, at), {chunk, dim}, of.type, device));
      chunk_values.push_back(
          copied(at_byte(chunks, c, chunk_layout.values_at + at), {chunk, dim}, of.type, device));
    }
    all_keys.push_back(at::stack(chunk_keys, 1));
    all_values.push_back(at::stack(chunk_values, 1));
  }
  keys = at::cat(all_keys).narrow(0, 0, tokens);
  values = at::cat(all_values).narrow(0, 0, tokens);

  const at::Tensor of_states = complete == 0 ? at::Tensor() : addresses(cache.states, complete);
  for (std::int64_t c = 0; c < complete; ++c) {
    states.emplace_back();
    for (std::int64_t head = 0; head < kv_heads; ++head) {
      const auto part = [&](std::size_t at, at::IntArrayRef sizes, at::ScalarType type) {
        return copied(at_byte(of_states, c, static_cast<std::size_t>(head) * state_layout.head_bytes + at),
                      sizes, type, device)
            .to(at::kFloat);
      };
      states.back().push_back({part(state_layout.chunk_key_at, {dim}, at::kFloat),
                               part(state_layout.chunk_value_at, {dim}, at::kFloat),
                               part(state_layout.bias_at, {of_chunk}, at::kFloat),
                               part(state_layout.log_size_at, {of_chunk}, at::kFloat),
                               part(state_layout.log_spread_at, {of_chunk}, at::kFloat),
                               part(state_layout.keys_at, {of_chunk, dim}, of.type),
                               part(state_layout.values_at, {of_chunk, dim}, of.type)});
    }
  }

  const cuda::Scratch& scratch = pass.call.scratch;
  const std::int64_t rows = static_cast<std::int64_t>(pass.call.positions) * of.shape.heads;
  near_out = copied(scratch.near_out, {rows, dim}, at::kFloat, device);
  near_sum = copied(scratch.near_sum, {rows}, at::kFloat, device);
  near_shift = copied(scratch.near_shift, {rows}, at::kFloat, device);
  count = copied(scratch.count, {rows}, at::kInt, device);
  slots = copied(scratch.slots, {rows, scratch.chunks}, at::kInt, device);
  if (scratch.retrieved > 0) chosen = copied(scratch.chosen, {rows, scratch.retrieved}, at::kInt, device);
}

}  // namespace bsbr
