#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/attention/attention.h"
#include "engine/kernels/cuda/interface.h"

namespace bsbr {

/// What the kernels of engine/kernels/cuda need of a layer's attention in device memory. Immutable.
class DeviceConstants {
 public:
  /// Throws Error(Unsupported) for heads that are too wide for the kernels, and for heads and blocks that
  /// want more shared memory than the device grants.
  DeviceConstants(const AttentionShape& shape, const BsbrConfig& config, std::int64_t layer,
                  at::Device device, const cuda::Interface& kernels);

  /// The shape of the attention; its element is not set.
  [[nodiscard]] const cuda::Shape& shape() const { return shape_; }
  [[nodiscard]] const cuda::Reach& reach() const { return reach_; }
  [[nodiscard]] const cuda::Turns& turns() const { return turns_; }
  [[nodiscard]] at::Device device() const { return device_; }

 private:
  at::Device device_;
  cuda::Shape shape_{};
  cuda::Reach reach_{};
  cuda::Turns turns_{};
  at::Tensor heads_, frequencies_, mean_, back_;
};

/// KvStore on a device: keys, values and states of one sequence in one layer, in float32, float16 or
/// bfloat16. Grows without moving what is there: memory is taken for the chunks that an append begins. Shares
/// the constants, so that it may outlive the attention that made it. Not thread-safe.
class DeviceStore : public LayerCache {
 public:
  DeviceStore(std::shared_ptr<const DeviceConstants> constants, const cuda::Interface& kernels);

  /// query [N, heads, dim], key and value [N, kv_heads, dim], of one element. Throws Error.
  void append(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, double scale);
  /// Gives back the keys and values of chunks [first, end), which are complete.
  void forget(std::int64_t first, std::int64_t end);

  [[nodiscard]] std::int64_t tokens() const override { return tokens_; }
  [[nodiscard]] std::int64_t bytes() const override;
  /// Valid until the next append or forget.
  [[nodiscard]] cuda::Cache view() const;

 private:
  /// Device memory of consecutive chunks.
  struct Page {
    std::int64_t first, end;  // chunks
    at::Tensor bytes;
  };
  /// Where chunks lie, on the host and on the device, where it grows by doubling.
  struct Table {
    std::vector<std::int64_t> addresses;
    at::Tensor device;

    /// Takes over `addresses` from number `first` on.
    void upload(std::int64_t first, at::Device to);
  };
  void add_page(std::vector<Page>& pages, Table& table, std::int64_t end, std::size_t bytes_each) const;
  void condense(std::int64_t first, std::int64_t end, const at::Tensor& until);

  std::shared_ptr<const DeviceConstants> constants_;
  const cuda::Interface& kernels_;
  cuda::Shape shape_;
  std::int64_t tokens_ = 0;
  std::int64_t forgotten_ = 0;
  std::vector<Page> chunk_pages_, state_pages_;
  Table chunks_, states_;
  at::Tensor complete_, open_;  // cuda::QuerySums
};

/// Throws Error(OutOfMemory | Device) for an error of the kernels.
void check_cuda(const cuda::Interface& kernels, int error, const char* what);
/// Of tensors of a dtype. Throws Error(Unsupported) for others than the three.
cuda::Element element_of(at::ScalarType type);
/// Of x [N, heads, dim].
cuda::Rows device_rows(const at::Tensor& x);
/// The stream on which torch works, a cudaStream_t.
void* current_stream(at::Device device);

}  // namespace bsbr
