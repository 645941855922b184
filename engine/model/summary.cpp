#include "engine/model/summary.h"

#include <nlohmann/json.hpp>
#include <set>

#include "engine/model/checkpoint_config.h"
#include "engine/model/family.h"
#include "engine/model/weight_loader.h"

namespace bsbr {

nlohmann::json CheckpointSummary::to_json() const {
  return {{"family", config.family},
          {"parameters", parameters},
          {"layers", config.layers},
          {"heads", config.heads},
          {"kv_heads", config.kv_heads},
          {"context", config.context},
          {"vocab", config.vocabulary},
          {"dtype", dtype},
          {"bytes", bytes},
          {"bsbr", config.bsbr ? config.bsbr->to_json() : nlohmann::json()}};
}

CheckpointSummary summarize(const Checkpoint& checkpoint) {
  CheckpointSummary summary{config_of(checkpoint), 0, "", checkpoint.tensor_bytes()};
  WeightLoader loader(checkpoint, at::kCPU, {});
  find_family(summary.config.family).expect(summary.config, loader);
  loader.check();
  summary.parameters = loader.parameters();
  std::set<std::string_view> types;
  for (const TensorView& view : checkpoint.tensors()) {
    if (loader.expects(view.name)) types.insert(to_string(view.dtype));
  }
  for (const std::string_view type : types)
    summary.dtype += (summary.dtype.empty() ? "" : "+") + std::string(type);
  return summary;
}

}  // namespace bsbr
