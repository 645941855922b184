#include "engine/model/model_config.h"

#include <cmath>

#include "engine/base/error.h"
#include "engine/model/gpt2.h"

namespace bsbr {

double ModelConfig::attention_scale(std::int64_t layer) const {
  double scale = 1.0;
  if (scale_by_head_dim) scale /= std::sqrt(static_cast<double>(head_dim));
  if (scale_by_layer) scale /= static_cast<double>(layer + 1);
  return scale;
}

ModelConfig ModelConfig::from_json(const nlohmann::json& json) {
  const auto type = json.find("model_type");
  if (type == json.end() || !type->is_string()) {
    throw Error(
        ErrorKind::InvalidFile,
        "config.json: model_type is missing or no string; it says which architecture the checkpoint has");
  }
  if (*type == "gpt2") return gpt2_config(json);
  throw Error(ErrorKind::Unsupported,
              cat("config.json: model_type is ", type->dump(), "; this program opens \"gpt2\""));
}

}  // namespace bsbr
