#include "engine/checkpoint/wrapper_prefix.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bsbr {
namespace {

// torch.nn.DataParallel, torch.compile, DeepSpeed and FSDP.
constexpr std::array<std::string_view, 4> kPrefixes{"module.", "_orig_mod.", "_forward_module.",
                                                    "_fsdp_wrapped_module."};

}  // namespace

std::string strip_wrapper_prefixes(std::vector<TensorView>& tensors) {
  std::string taken;
  while (!tensors.empty()) {
    const auto on_all = [&](std::string_view prefix) {
      return std::ranges::all_of(tensors, [&](const TensorView& tensor) {
        return tensor.name.size() > prefix.size() && tensor.name.starts_with(prefix);
      });
    };
    const auto* const prefix = std::ranges::find_if(kPrefixes, on_all);
    if (prefix == kPrefixes.end()) break;
    for (TensorView& tensor : tensors) tensor.name.erase(0, prefix->size());
    taken += *prefix;
  }
  return taken;
}

}  // namespace bsbr
