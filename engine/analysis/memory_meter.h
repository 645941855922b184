#pragma once

#include <cstdint>
#include <memory>

namespace bsbr {

/// Measures the tensor memory that this thread allocates while the object lives, on any device.
class MemoryMeter {
 public:
  MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;
  ~MemoryMeter();
  /// The most bytes that were allocated at once, counted from the object's creation.
  [[nodiscard]] std::int64_t peak_bytes() const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

}  // namespace bsbr
