#include "engine/export/exported_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/model/config_reader.h"
#include "engine/model/family.h"

namespace bsbr {
namespace {

using nlohmann::json;

/// Which of the classes in python_files() transformers takes for a family. A program that is not told to run
/// them goes by model_type and architectures, which stay the original's.
json auto_map(const std::string& family) {
  std::string config = "BsbrGPT2Config";
  std::string model = "BsbrGPT2LMHeadModel";
  if (family == "llama" || family == "qwen2") {
    const std::string name = family == "llama" ? "BsbrLlama" : "BsbrQwen2";
    config = name + "Config";
    model = name + "ForCausalLM";
  }
  return {{"AutoConfig", "configuration_bsbr." + config}, {"AutoModelForCausalLM", "modeling_bsbr." + model}};
}

/// What transformers takes a config.json to say of the head.
bool is_tied(const json& config, const std::string& family) {
  constexpr const char* kKey = "tie_word_embeddings";
  if (says(config, kKey) && config[kKey].is_boolean()) return config[kKey].get<bool>();
  return family == "gpt2";
}

void append(std::string& text, const json& value, std::size_t indent) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const auto number = value.get<double>();
    text += std::isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
    return;
  }
  if (!value.is_structured() || value.empty()) {
    text += value.dump();
    return;
  }
  const std::string line = "\n" + std::string(indent, ' ');
  std::string separator;
  text += value.is_object() ? '{' : '[';
  for (const auto& [key, element] : value.items()) {
    text += separator + line + "  " + (value.is_object() ? json(key).dump() + ": " : "");
    append(text, element, indent + 2);
    separator = ",";
  }
  text += line + (value.is_object() ? '}' : ']');
}

}  // namespace

json exported_config(const Checkpoint& source, const ModelConfig& converted, std::optional<Dtype> dtype) {
  json config = source.config();
  config["bsbr"] = converted.bsbr->to_json();
  config["auto_map"] = auto_map(converted.family);
  if (converted.tied_head != is_tied(config, converted.family))
    config["tie_word_embeddings"] = converted.tied_head;
  const char* const context = find_family(converted.family).context_key;
  if (!says(config, context)) config[context] = converted.context;
  // transformers 4 wrote the first name, 5 writes the second and reads both.
  if (dtype && (config.contains("torch_dtype") || !config.contains("dtype")))
    config["torch_dtype"] = config_name(*dtype);
  if (dtype && config.contains("dtype")) config["dtype"] = config_name(*dtype);
  return config;
}

std::string config_text(const json& config) {
  std::string text;
  append(text, config, 0);
  return text + "\n";
}

}  // namespace bsbr
