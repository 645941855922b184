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
  CheckpointSummary summary{config_of(checkpoint), 0, "", checkpoint.tensor_bytes(), {}};
  WeightLoader loader(checkpoint, at::kCPU, {});
  find_family(summary.config.family).expect(summary.config, loader);
  loader.check();
  summary.parameters = loader.parameters();
  std::set<std::string_view> types;
  for (const auto& [name, stored] : loader.names()) types.insert(to_string(checkpoint.find(stored)->dtype));
  for (const std::string_view type : types)
    summary.dtype += (summary.dtype.empty() ? "" : "+") + std::string(type);
  summary.warnings = summary.config.warnings;
  summary.warnings.insert(summary.warnings.end(), loader.warnings().begin(), loader.warnings().end());
  return summary;
}

}  // namespace bsbr
