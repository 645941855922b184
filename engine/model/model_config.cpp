#include "engine/model/model_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/model/family.h"

namespace bsbr {

double ModelConfig::attention_scale(std::int64_t layer) const {
  double scale = 1.0;
  if (scale_by_head_dim) scale /= std::sqrt(static_cast<double>(head_dim));
  if (scale_by_layer) scale /= static_cast<double>(layer + 1);
  return scale;
}

void ModelConfig::read_bsbr(const nlohmann::json& json) {
  const auto entry = json.find("bsbr");
  if (entry == json.end() || entry->is_null()) return;
  bsbr = BsbrConfig::from_json(*entry);
  bsbr->validate(context);
}

ModelConfig ModelConfig::from_json(const nlohmann::json& json) {
  const auto type = json.find("model_type");
  if (type == json.end() || !type->is_string()) {
    throw Error(
        ErrorKind::InvalidFile,
        "config.json: model_type is missing or no string; it says which architecture the checkpoint has");
  }
  return find_family(*type).config(json);
}

}  // namespace bsbr
