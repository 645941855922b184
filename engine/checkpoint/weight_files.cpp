#include "engine/checkpoint/weight_files.h"

#include <algorithm>
#include <system_error>

#include "engine/checkpoint/foreign_format.h"
#include "engine/checkpoint/path_error.h"

namespace bsbr {

WeightFiles find_weight_files(const std::filesystem::path& folder) {
  WeightFiles found;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::filesystem::path name = at->path().filename();
    if (name == kSingleFile) {
      found.single = true;
    } else if (name == kIndexFile) {
      found.index = true;
    } else if (name == kTorchFile) {
      found.torch_single = true;
    } else if (name == kTorchIndexFile) {
      found.torch_index = true;
    } else if (name.extension() == ".safetensors") {
      found.other_safetensors.push_back(name.string());
    } else if (is_foreign_weight_file(name)) {
      found.foreign.push_back(name.string());
    }
  }
  if (error) throw_path_error(folder, error.value());
  std::ranges::sort(found.other_safetensors);
  std::ranges::sort(found.foreign);
  return found;
}

}  // namespace bsbr
