#include "engine/export/exported_tensors.h"

#include "engine/model/checkpoint_config.h"
#include "engine/model/family.h"
#include "engine/model/weight_loader.h"

namespace bsbr {

std::vector<TensorView> exported_tensors(const Checkpoint& source) {
  const ModelConfig config = config_of(source);
  WeightLoader loader(source, at::kCPU, {});
  find_family(config.family).expect(config, loader);
  std::vector<TensorView> tensors = source.tensors();
  std::erase_if(tensors, [&](const TensorView& tensor) { return !loader.expects(tensor.name); });
  return tensors;
}

}  // namespace bsbr
