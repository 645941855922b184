#include "engine/checkpoint/safetensors_layout.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <tuple>

namespace bsbr {
namespace {

void check_names(const std::vector<TensorEntry>& tensors, Problems& problems) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) -> std::string_view { return tensors[i].name; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (tensors[order[i]].name == tensors[order[i - 1]].name) {
      problems.add(cat("the tensor name ", in_quotes(tensors[order[i]].name), " occurs twice"));
    }
  }
}

}  // namespace

void check_layout(std::vector<TensorEntry>& tensors, std::uint64_t data_size, Problems& problems) {
  check_names(tensors, problems);
  std::ranges::sort(tensors, {}, [](const TensorEntry& t) { return std::tuple(t.begin, t.end); });
  std::uint64_t reached = 0;
  std::vector<const TensorEntry*> past_end;
  const auto complain = [&](const TensorEntry& tensor, const std::string& what) {
    problems.add(cat("tensor ", in_quotes(tensor.name), ": ", what));
  };
  const TensorEntry* before = nullptr;
  for (const TensorEntry& tensor : tensors) {
    if (tensor.end > data_size) {
      past_end.push_back(&tensor);
    } else if (before != nullptr && tensor.begin < reached) {
      complain(tensor, cat("its bytes ", tensor.begin, " to ", tensor.end, " overlap those of tensor ",
                           in_quotes(before->name)));
    } else if (tensor.begin > reached) {
      complain(tensor, cat("its data begins at byte ", tensor.begin, ", which leaves a gap of ",
                           tensor.begin - reached, " bytes after byte ", reached));
    }
    reached = std::max(reached, tensor.end);
    before = &tensor;
  }
  if (!past_end.empty()) {
    const TensorEntry& first = *past_end.front();
    complain(first, cat("its data_offsets [", first.begin, ", ", first.end, "] run past the ", data_size,
                        " bytes of data in the file",
                        past_end.size() == 1 ? "" : cat(", and those of ", past_end.size() - 1, " more do")));
  }
  if (!past_end.empty() && reached > data_size) {
    problems.add(cat("the file is ", reached - data_size,
                     " bytes too short; it was probably cut off, download it again"));
  } else if (reached < data_size) {
    problems.add(cat(data_size - reached, " bytes at the end of the file belong to no tensor"));
  }
}

std::optional<std::uint64_t> tensor_bytes(const std::vector<std::int64_t>& shape, Dtype dtype) noexcept {
  std::uint64_t product = size_of(dtype);
  bool empty = false;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    if (dimension == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, static_cast<std::uint64_t>(dimension), &product) ||
               product > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
  }
  return empty ? 0 : product;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out += cat(i > 0 ? ", " : "", shape[i]);
  return out + "]";
}

}  // namespace bsbr
