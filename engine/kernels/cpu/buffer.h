#pragma once

#include <c10/core/CPUAllocator.h>

#include <cstddef>
#include <cstring>

namespace bsbr {

/// Memory from torch's own allocator, 64-byte aligned, so that it is counted and reported as tensors are.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes) : data_(c10::GetCPUAllocator()->allocate(bytes)), bytes_(bytes) {}
  [[nodiscard]] void* data() const { return data_.get(); }
  [[nodiscard]] float* floats() const { return static_cast<float*>(data_.get()); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void clear() const { std::memset(data_.get(), 0, bytes_); }

 private:
  c10::DataPtr data_;
  std::size_t bytes_ = 0;
};

}  // namespace bsbr
