#include "engine/analysis/memory_meter.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>

namespace bsbr {
namespace {

/// Torch's allocators report to whoever registers as profiler.
class Recorder : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* /*pointer*/, std::int64_t bytes, std::size_t /*allocated*/,
                         std::size_t /*reserved*/, c10::Device /*device*/) override {
    now_ += bytes;
    peak_ = std::max(peak_, now_);
  }
  [[nodiscard]] bool memoryProfilingEnabled() const override { return true; }
  [[nodiscard]] std::int64_t peak() const { return peak_; }

 private:
  std::int64_t now_ = 0;
  std::int64_t peak_ = 0;
};

}  // namespace

struct MemoryMeter::Content {
  std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
  c10::DebugInfoGuard guard{c10::DebugInfoKind::PROFILER_STATE, recorder};
};

MemoryMeter::MemoryMeter() : content_(std::make_unique<Content>()) {}
MemoryMeter::~MemoryMeter() = default;

std::int64_t MemoryMeter::peak_bytes() const {
  return content_->recorder->peak();
}

}  // namespace bsbr
