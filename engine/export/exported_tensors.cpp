#include "engine/export/exported_tensors.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/export/recast.h"

namespace bsbr {

std::vector<TensorView> exported_tensors(const Checkpoint& source, const LanguageModel& model) {
  std::vector<TensorView> tensors;
  for (const auto& [name, stored] : model.tensor_names()) {
    const TensorView* const tensor = source.find(stored);
    if (tensor == nullptr) {
      throw Error(ErrorKind::InvalidArgument, cat(source.folder().string(), ": has no tensor ", stored,
                                                  "; the model is not made from it"));
    }
    tensors.push_back(*tensor);
    tensors.back().name = name;
  }
  return tensors;
}

std::uint64_t written_bytes(std::span<const TensorView> tensors, std::optional<Dtype> dtype) {
  std::uint64_t bytes = 0;
  for (const TensorView& tensor : tensors) bytes += Recast(tensor, dtype).bytes();
  return bytes;
}

bool keeps_bits(std::span<const TensorView> tensors, std::optional<Dtype> dtype) {
  return std::ranges::all_of(
      tensors, [&](const TensorView& tensor) { return recast_type(tensor.dtype, dtype) == tensor.dtype; });
}

}  // namespace bsbr
