#include "engine/model/memory_need.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <unistd.h>

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace bsbr {
namespace {

std::string gibibytes(std::int64_t bytes) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << static_cast<double>(bytes) / (1 << 30) << " GiB";
  return std::move(out).str();
}

}  // namespace

MemoryNeed::MemoryNeed(const ModelConfig& config, std::int64_t element, bool cached) {
  const std::int64_t kv_width = config.kv_heads * config.head_dim;
  const std::int64_t pair = 2 * kv_width * element;
  std::int64_t layer = pair;
  fixed = 0;
  if (config.bsbr) {
    // A state has a key, a value and three logarithms.
    constexpr std::int64_t kStateFloats = 3;
    constexpr std::int64_t kScratchBytes = std::int64_t{128} << 20;
    const std::int64_t states = (pair + config.kv_heads * kStateFloats * 4) / config.bsbr->compression_factor;
    const std::int64_t chunk_state = 2 * kv_width * 4 / config.bsbr->chunk_size;
    layer = (config.bsbr->states_only ? 0 : pair) + states + chunk_state;
    fixed = kScratchBytes;
  }
  cache_each = layer * (cached ? config.layers : 1);
  const std::int64_t query_width = config.heads * config.head_dim;
  work_each = (3 * config.width + 2 * (query_width + 2 * kv_width) + 2 * query_width) * element;
  fixed += kPieceRows * (3 * config.inner + 2 * config.width) * element;
}

std::int64_t MemoryNeed::tokens_within(std::int64_t bytes) const {
  return std::max<std::int64_t>(0, bytes - fixed) / (cache_each + work_each);
}

std::int64_t free_bytes(c10::Device device) {
  if (device.is_cpu()) return static_cast<std::int64_t>(sysconf(_SC_AVPHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  c10::DeviceAllocator* allocator = c10::getDeviceAllocator(device.type());
  const auto stats = allocator->getDeviceStats(device.index());
  const std::int64_t kept = stats.reserved_bytes[0].current - stats.allocated_bytes[0].current;
  return static_cast<std::int64_t>(allocator->getMemoryInfo(device.index()).first) + kept;
}

Error out_of_memory(const MemoryNeed& need, std::int64_t before, std::int64_t added, std::int64_t free) {
  return {ErrorKind::OutOfMemory,
          cat("memory is exhausted: ", before + added, " tokens want about ",
              gibibytes(need.bytes(before, added)), " beside the model, and ", gibibytes(free),
              " are free; about ", need.tokens_within(free + before * need.cache_each),
              " tokens would fit. Use a shorter text, or "
              "free memory on the device")};
}

}  // namespace bsbr
