#include "engine/export/recast.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isinf.h>

#include <cstring>

#include "engine/base/error.h"
#include "engine/model/torch_border.h"
#include "engine/model/weight_loader.h"

namespace bsbr {

Dtype recast_type(Dtype dtype, std::optional<Dtype> wanted) {
  return wanted && is_weight_type(dtype) ? *wanted : dtype;
}

std::span<const std::byte> Recast::read(std::uint64_t at, std::uint64_t size) {
  if (dtype_ == tensor_.dtype) return tensor_.bytes.subspan(at, size);
  const std::uint64_t element = size_of(tensor_.dtype);
  const std::uint64_t count = size / size_of(dtype_);
  const auto source = tensor_.bytes.subspan(at / size_of(dtype_) * element, count * element);
  return at_torch_border([&]() -> std::span<const std::byte> {
    // In a file, elements may begin at any address.
    const at::Tensor read = at::empty({static_cast<std::int64_t>(count)}, scalar_type(tensor_.dtype));
    std::memcpy(read.data_ptr(), source.data(), source.size());
    piece_ = read.to(scalar_type(dtype_));
    if (at::isinf(piece_).sum().item<std::int64_t>() != at::isinf(read).sum().item<std::int64_t>()) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("tensor ", tensor_.name, " has numbers that are too large for ", config_name(dtype_),
                      "; write it as bfloat16 or float32"));
    }
    return {static_cast<const std::byte*>(piece_.const_data_ptr()), size};
  });
}

}  // namespace bsbr
