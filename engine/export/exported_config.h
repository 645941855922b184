#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// A converted checkpoint's config.json: the original's keys, the conversion, which of python_files()
/// transformers runs it with, and `dtype` if weights are written as another type than theirs. Where the
/// original is silent or wrong, it says what the model is: whether the head is the embedding, and the
/// context.
nlohmann::json exported_config(const Checkpoint& source, const ModelConfig& converted,
                               std::optional<Dtype> dtype);

/// Its text. Numbers that are not finite are written as Python's json does: NaN, Infinity.
std::string config_text(const nlohmann::json& config);

}  // namespace bsbr
