#include "engine/attention/device_store.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/base/error.h"
#include "engine/kernels/cpu/mean_query.h"
#include "engine/kernels/cuda/layout.h"

namespace bsbr {
namespace {

std::int32_t narrow(std::int64_t n) {
  if (n < 0 || n > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ErrorKind::Unsupported, cat("the CUDA kernels count to 2^31 - 1, and ", n, " is wanted"));
  }
  return static_cast<std::int32_t>(n);
}

template <class T>
at::Tensor to_device(std::vector<T> values, at::ScalarType type, at::Device device) {
  const auto count = static_cast<std::int64_t>(values.size() * sizeof(T) / c10::elementSize(type));
  return at::from_blob(values.data(), {count}, at::TensorOptions(type)).clone().to(device);
}

template <class T>
T* data_of(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

void check_shared_memory(const cuda::Shape& shape, at::Device device, const cuda::Interface& kernels) {
  const std::size_t needed = kernels.least_shared(shape);
  std::size_t granted = 0;
  check_cuda(kernels, kernels.granted_shared(device.index(), granted), "tell its shared memory");
  if (needed <= granted) return;
  throw Error(
      ErrorKind::Unsupported,
      cat("heads of ", shape.dim, " with blocks of ", shape.block, " tokens need ", needed,
          " bytes of shared memory, and this GPU grants ", granted, " to a thread block; use --device cpu"));
}

}  // namespace

void check_cuda(const cuda::Interface& kernels, int error, const char* what) {
  constexpr int kMemoryAllocation = 2;
  if (error == 0) return;
  throw Error(error == kMemoryAllocation ? ErrorKind::OutOfMemory : ErrorKind::Device,
              cat("CUDA failed to ", what, ": ", kernels.error_text(error)));
}

cuda::Element element_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return cuda::Element::Float32;
    case at::kHalf:
      return cuda::Element::Float16;
    case at::kBFloat16:
      return cuda::Element::Bfloat16;
    default:
      throw Error(ErrorKind::Unsupported,
                  cat("the CUDA kernels read float32, float16 and bfloat16, not ", c10::toString(type)));
  }
}

cuda::Rows device_rows(const at::Tensor& x) {
  return {x.const_data_ptr(), x.stride(0), x.stride(1)};
}

void* current_stream(at::Device device) {
  if (device.is_cpu()) return nullptr;
  const c10::impl::VirtualGuardImpl guard(device.type());
  return guard.getStreamNativeHandle(guard.getStream(device));
}

DeviceConstants::DeviceConstants(const AttentionShape& shape, const BsbrConfig& config, std::int64_t layer,
                                 at::Device device, const cuda::Interface& kernels)
    : device_(device) {
  if (shape.head_dim > cuda::kMostDim) {
    throw Error(ErrorKind::Unsupported,
                cat("heads of ", shape.head_dim, " are wider than the CUDA kernels take, ", cuda::kMostDim,
                    "; use --device cpu"));
  }
  shape_ = {narrow(shape.heads),       narrow(shape.kv_heads),    narrow(shape.head_dim),
            narrow(config.chunk_size), narrow(config.block_size), narrow(config.states_per_block()),
            cuda::Element::Float32};
  check_shared_memory(shape_, device, kernels);
  std::vector<cuda::HeadReach> heads;
  for (const HeadPlan& head : config.heads_of(layer, shape.heads)) {
    heads.push_back({narrow(head.retrieve), static_cast<float>(head.threshold), head.states ? 1 : 0});
    reach_.retrieve = std::max(reach_.retrieve, heads.back().retrieve);
  }
  heads_ = to_device(heads, at::kByte, device);
  reach_.window = narrow(config.window);
  reach_.sink = narrow(config.sink_in_blocks());
  reach_.candidate_chunks = narrow(config.candidate_chunks);
  reach_.heads = data_of<cuda::HeadReach>(heads_);
  if (shape.rope_frequencies.empty()) return;
  frequencies_ = to_device(std::vector<double>(shape.rope_frequencies.begin(), shape.rope_frequencies.end()),
                           at::kDouble, device);
  PairFactors means = mean_turns(shape.rope_frequencies);
  means.real.insert(means.real.end(), means.imaginary.begin(), means.imaginary.end());
  mean_ = to_device(means.real, at::kDouble, device);
  // The angles by which KeyGrouper turns keys back, to the last bit.
  std::vector<float> cosine, sine;
  for (const float frequency : shape.rope_frequencies) {
    for (std::int64_t j = 0; j < config.block_size; ++j) {
      cosine.push_back(std::cos(static_cast<float>(j) * frequency));
      sine.push_back(-std::sin(static_cast<float>(j) * frequency));
    }
  }
  cosine.insert(cosine.end(), sine.begin(), sine.end());
  back_ = to_device(cosine, at::kFloat, device);
  turns_ = {data_of<double>(frequencies_), data_of<double>(mean_), data_of<float>(back_)};
}

DeviceStore::DeviceStore(std::shared_ptr<const DeviceConstants> constants, const cuda::Interface& kernels)
    : constants_(std::move(constants)), kernels_(kernels), shape_(constants_->shape()) {
  const auto options = at::TensorOptions(at::kDouble).device(constants_->device());
  complete_ = at::zeros({shape_.kv_heads, shape_.dim}, options);
  open_ = at::zeros({shape_.kv_heads, shape_.dim}, options);
}

void DeviceStore::Table::upload(std::int64_t first, at::Device to) {
  const auto count = static_cast<std::int64_t>(addresses.size());
  if (!device.defined() || device.numel() < count) {
    device = at::empty({std::max<std::int64_t>(16, 2 * count)}, at::TensorOptions(at::kLong).device(to));
    first = 0;
  }
  if (first == count) return;
  device.narrow(0, first, count - first)
      .copy_(at::from_blob(addresses.data() + first, {count - first}, at::TensorOptions(at::kLong)));
}

void DeviceStore::add_page(std::vector<Page>& pages, Table& table, std::int64_t end,
                           std::size_t bytes_each) const {
  const auto first = static_cast<std::int64_t>(table.addresses.size());
  if (first >= end) return;
  const auto each = static_cast<std::int64_t>(bytes_each);
  pages.push_back(
      {first, end,
       at::empty({(end - first) * each}, at::TensorOptions(at::kByte).device(constants_->device()))});
  auto address = reinterpret_cast<std::int64_t>(pages.back().bytes.data_ptr());
  for (std::int64_t chunk = first; chunk < end; ++chunk, address += each) table.addresses.push_back(address);
  table.upload(first, constants_->device());
}

void DeviceStore::append(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         double scale) {
  const cuda::Element element = element_of(key.scalar_type());
  if (tokens_ == 0) shape_.element = element;
  if (element != shape_.element || element_of(query.scalar_type()) != element ||
      element_of(value.scalar_type()) != element) {
    throw Error(ErrorKind::Internal, "queries, keys and values of a sequence are of several types");
  }
  const std::int64_t first = tokens_;
  const std::int64_t added = key.size(0);
  if (added == 0) return;
  narrow(first + added);
  const std::int64_t chunk = shape_.chunk;
  const std::int64_t touched = first / chunk;
  const std::int64_t complete = (first + added) / chunk;
  add_page(chunk_pages_, chunks_, (first + added + chunk - 1) / chunk, cuda::ChunkLayout(shape_).bytes);
  add_page(state_pages_, states_, complete, cuda::StateLayout(shape_).bytes);
  tokens_ += added;
  void* stream = current_stream(constants_->device());
  check_cuda(
      kernels_,
      kernels_.append(view(), narrow(first), narrow(added), device_rows(key), device_rows(value), stream),
      "append keys and values");
  const std::int64_t last = (first + added - 1) / chunk;
  const at::Tensor until = at::empty({last - touched + 1, shape_.kv_heads, shape_.dim}, complete_.options());
  const cuda::QueryCall call{shape_, narrow(first), narrow(added), device_rows(query), scale};
  const cuda::QuerySums sums{data_of<double>(complete_), data_of<double>(open_), data_of<double>(until)};
  check_cuda(kernels_, kernels_.add_queries(call, constants_->turns(), sums, stream), "sum up queries");
  if (complete > touched) condense(touched, complete, until);
}

void DeviceStore::condense(std::int64_t first, std::int64_t end, const at::Tensor& until) {
  constexpr std::size_t kWorkBytes = 32 << 20;
  const std::size_t each =
      cuda::condense_floats(shape_) * sizeof(float) * static_cast<std::size_t>(shape_.kv_heads);
  const auto blocks = static_cast<std::size_t>((end - first) * (shape_.chunk / shape_.block));
  const std::size_t workers =
      std::clamp<std::size_t>(kWorkBytes / each, 1, std::min<std::size_t>(blocks, 512));
  const at::Tensor work = at::empty({static_cast<std::int64_t>(workers * each)},
                                    at::TensorOptions(at::kByte).device(constants_->device()));
  const cuda::CondenseCall call{view(),
                                narrow(first),
                                narrow(end),
                                data_of<double>(until),
                                constants_->turns(),
                                data_of<float>(work),
                                static_cast<std::int32_t>(workers)};
  check_cuda(kernels_, kernels_.condense(call, current_stream(constants_->device())), "condense blocks");
}

void DeviceStore::forget(std::int64_t first, std::int64_t end) {
  const std::int64_t before = forgotten_;
  forgotten_ =
      std::max({forgotten_, first, std::min(end, static_cast<std::int64_t>(chunks_.addresses.size()))});
  if (forgotten_ == before || end <= first) return;
  const std::int64_t from = std::max(before, first);
  for (std::int64_t chunk = from; chunk < end; ++chunk)
    chunks_.addresses[static_cast<std::size_t>(chunk)] = 0;
  std::erase_if(chunk_pages_, [&](const Page& page) { return page.first >= first && page.end <= end; });
  chunks_.upload(from, constants_->device());
}

std::int64_t DeviceStore::bytes() const {
  std::size_t sum = complete_.nbytes() + open_.nbytes();
  for (const auto* pages : {&chunk_pages_, &state_pages_}) {
    for (const Page& page : *pages) sum += page.bytes.nbytes();
  }
  for (const Table* table : {&chunks_, &states_}) {
    if (table->device.defined()) sum += table->device.nbytes();
  }
  return static_cast<std::int64_t>(sum);
}

cuda::Cache DeviceStore::view() const {
  const auto table = [](const Table& of) {
    return of.device.defined() ? static_cast<void* const*>(of.device.data_ptr()) : nullptr;
  };
  return {shape_, table(chunks_), table(states_)};
}

}  // namespace bsbr
