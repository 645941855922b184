#include "engine/attention/bsbr_cuda.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <chrono>

#include "engine/kernels/cuda/layout.h"

namespace bsbr {
namespace {

/// Warps that keep a GPU busy: with fewer rows, several share one row's far past.
constexpr std::int64_t kWarpsWanted = 2048;
constexpr std::int64_t kMostSplits = 8;

cuda::ScratchSizes sizes_of(const cuda::Shape& shape, const cuda::Reach& reach, std::int64_t tokens,
                            std::int64_t positions) {
  const std::int64_t splits =
      std::clamp<std::int64_t>(kWarpsWanted / (positions * shape.heads), 1, kMostSplits);
  return {shape, reach, static_cast<std::int32_t>(tokens), static_cast<std::int32_t>(positions),
          static_cast<std::int32_t>(splits)};
}

void wait_for(at::Device device) {
  if (!device.is_cpu()) c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
}

class BsbrCuda : public Attention {
 public:
  BsbrCuda(const AttentionShape& shape, const BsbrConfig& config, at::Device device, std::int64_t layer,
           const cuda::Interface& kernels, std::size_t scratch_bytes)
      : constants_(std::make_shared<const DeviceConstants>(shape, config, layer, device, kernels)),
        kernels_(kernels),
        scratch_bytes_(scratch_bytes),
        states_only_(config.states_only) {}

  [[nodiscard]] std::unique_ptr<LayerCache> make_cache(std::int64_t /*capacity*/) const override {
    return std::make_unique<DeviceStore>(constants_, kernels_);
  }

  [[nodiscard]] at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                   double scale, LayerCache* cache,
                                   const AttentionNotes& notes) const override {
    const c10::DeviceGuard guard(constants_->device());
    const std::unique_ptr<LayerCache> own = cache == nullptr ? make_cache(query.size(0)) : nullptr;
    auto& store = dynamic_cast<DeviceStore&>(own ? *own : *cache);
    const cuda::Shape& shape = constants_->shape();
    const std::int64_t before = store.tokens();
    const std::int64_t rows = query.size(0);
    at::Tensor out = at::empty({rows, query.size(1) * query.size(2)}, query.options());
    const at::Tensor exact = at::zeros({shape.heads}, query.options().dtype(at::kLong));
    for (std::int64_t begin = 0; begin < rows;) {
      // Where far keys and values are not kept, a chunk at a time, so that they are never all there.
      const std::int64_t to_chunk_end = shape.chunk - store.tokens() % shape.chunk;
      const std::int64_t count = states_only_ ? std::min(to_chunk_end, rows - begin) : rows - begin;
      const at::Tensor q = query.narrow(0, begin, count);
      store.append(q, key.narrow(0, begin, count), value.narrow(0, begin, count), scale);
      attend(store, q, scale, out.narrow(0, begin, count), exact, notes.scoring_seconds);
      if (states_only_) {
        store.forget((constants_->reach().sink + shape.chunk - 1) / shape.chunk,
                     store.tokens() / shape.chunk - constants_->reach().window);
      }
      begin += count;
    }
    if (!notes.pairs.empty()) {
      const at::Tensor host = exact.to(at::kCPU);
      for (std::size_t head = 0; head < notes.pairs.size(); ++head) {
        notes.pairs[head].exact += static_cast<std::uint64_t>(host.const_data_ptr<std::int64_t>()[head]);
        notes.pairs[head].causal += static_cast<std::uint64_t>(rows * before + rows * (rows + 1) / 2);
      }
    }
    return out;
  }

 private:
  /// In passes that fit into the scratch memory.
  void attend(const DeviceStore& store, const at::Tensor& query, double scale, const at::Tensor& out,
              const at::Tensor& exact, double* scoring_seconds) const {
    const std::int64_t rows = query.size(0);
    std::int64_t positions = std::min<std::int64_t>(rows, 4096);
    while (positions > 1 &&
           sizes_of(constants_->shape(), constants_->reach(), store.tokens(), positions).bytes() >
               scratch_bytes_)
      positions = (positions + 1) / 2;
    void* stream = current_stream(constants_->device());
    for (std::int64_t begin = 0; begin < rows; begin += positions) {
      const std::int64_t count = std::min(positions, rows - begin);
      const DevicePass pass = make_pass(*constants_, store, query.narrow(0, begin, count),
                                        store.tokens() - rows + begin, scale, exact);
      check_cuda(kernels_, kernels_.read_near(pass.call, stream), "read near keys");
      const auto start = now(scoring_seconds);
      check_cuda(kernels_, kernels_.choose(pass.call, stream), "choose blocks");
      if (scoring_seconds != nullptr) *scoring_seconds += (now(scoring_seconds) - start).count();
      check_cuda(kernels_, kernels_.read_far(pass.call, stream), "read far blocks");
      out.narrow(0, begin, count).copy_(pass.out);
    }
  }

  /// The time, for which the device is waited for if anybody asks.
  [[nodiscard]] std::chrono::duration<double> now(const double* asked) const {
    if (asked != nullptr) wait_for(constants_->device());
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  std::shared_ptr<const DeviceConstants> constants_;
  const cuda::Interface& kernels_;
  std::size_t scratch_bytes_;
  bool states_only_;
};

}  // namespace

DevicePass make_pass(const DeviceConstants& constants, const DeviceStore& store, const at::Tensor& query,
                     std::int64_t first, double scale, const at::Tensor& exact) {
  const std::int64_t positions = query.size(0);
  const cuda::ScratchSizes sizes =
      sizes_of(constants.shape(), constants.reach(), first + positions, positions);
  DevicePass pass{{},
                  at::empty({positions, query.size(1) * query.size(2)}, query.options()),
                  at::empty({static_cast<std::int64_t>(sizes.bytes())}, query.options().dtype(at::kByte))};
  pass.call = {store.view(),
               constants.reach(),
               static_cast<std::int32_t>(first),
               static_cast<std::int32_t>(positions),
               device_rows(query),
               static_cast<float>(scale),
               pass.out.data_ptr(),
               pass.out.stride(0),
               sizes.lay_out(static_cast<std::byte*>(pass.scratch.data_ptr())),
               static_cast<unsigned long long*>(exact.data_ptr())};
  return pass;
}

std::size_t cuda_scratch_bytes(at::Device device) {
  const auto [free, total] = c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
  return std::clamp<std::size_t>(total / 64, std::size_t{64} << 20, std::size_t{1} << 30);
}

std::unique_ptr<Attention> make_bsbr_cuda(const AttentionShape& shape, const BsbrConfig& config,
                                          at::Device device, std::int64_t layer,
                                          const cuda::Interface& kernels, std::size_t scratch_bytes) {
  return std::make_unique<BsbrCuda>(shape, config, device, layer, kernels, scratch_bytes);
}

}  // namespace bsbr
