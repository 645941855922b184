#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// Whether a config.json has a value under the key; null is none.
inline bool says(const nlohmann::json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && !found->is_null();
}

/// Reads values of config.json and remembers what is wrong with them, so that one error can name it all.
class ConfigReader {
 public:
  explicit ConfigReader(const nlohmann::json& json) : json_(json) {}

  /// A required integer in [1, 2^31).
  std::int64_t size(const char* key) { return integer(key, std::nullopt, 1); }
  /// The same; `fallback` when the key is absent or null.
  std::int64_t size(const char* key, std::optional<std::int64_t> fallback) {
    return integer(key, fallback, 1);
  }
  /// An integer in [0, 2^31); `fallback` when the key is absent or null.
  std::int64_t count(const char* key, std::int64_t fallback) { return integer(key, fallback, 0); }

  /// A number above 0 and at most `most`, which must be there if there is no `fallback`.
  double positive(const char* key, std::optional<double> fallback, double most) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
      if (!fallback) problem(cat(key, " is missing"));
      return fallback.value_or(1);
    }
    if (!value->is_number() || !(value->get<double>() > 0) || value->get<double>() > most) {
      problem(cat(key, " is ", shown(*value), ", a number above 0 and at most ", most, " is expected"));
      return fallback.value_or(1);
    }
    return value->get<double>();
  }

  bool flag(const char* key, bool fallback) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) {
      problem(cat(key, " is ", shown(*value), ", true or false is expected"));
      return fallback;
    }
    return value->get<bool>();
  }

  std::string text(const char* key, const std::string& fallback) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) {
      problem(cat(key, " is ", shown(*value), ", a string is expected"));
      return fallback;
    }
    return value->get<std::string>();
  }

  /// HuggingFace's name of an activation.
  Activation activation(const char* key, const std::string& fallback) {
    static const std::map<std::string, Activation> kNames{
        {"gelu_new", Activation::GeluNew}, {"gelu_pytorch_tanh", Activation::GeluNew},
        {"gelu", Activation::Gelu},        {"relu", Activation::Relu},
        {"gelu_python", Activation::Gelu}, {"silu", Activation::Silu},
        {"swish", Activation::Silu}};
    const std::string name = text(key, fallback);
    if (const auto found = kNames.find(name); found != kNames.end()) return found->second;
    problem(cat(key, " is \"", name, "\"; supported: gelu_new, gelu, relu, silu"));
    return Activation::Gelu;
  }

  /// One token id or a list of them; none when the key is absent or null.
  std::vector<std::int64_t> token_ids(const char* key) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return {};
    std::vector<std::int64_t> ids;
    for (const nlohmann::json& id : value->is_array() ? *value : nlohmann::json::array({*value})) {
      if (!id.is_number_integer()) {
        problem(cat(key, " is ", shown(*value), ", a token id or a list of them is expected"));
        return {};
      }
      ids.push_back(id.get<std::int64_t>());
    }
    return ids;
  }

  /// The value; nullptr when the key is absent or null.
  [[nodiscard]] const nlohmann::json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  void problem(const std::string& what) { problems_.push_back(where_ + what); }

  /// A reader of the object under `key`, whose problems name it; hand them back with take_problems().
  [[nodiscard]] ConfigReader inside(const std::string& key, const nlohmann::json& object) const {
    ConfigReader reader(object);
    reader.where_ = where_ + key + ": ";
    return reader;
  }
  void take_problems(const ConfigReader& inner) {
    problems_.insert(problems_.end(), inner.problems_.begin(), inner.problems_.end());
  }

  [[nodiscard]] bool has_problems() const { return !problems_.empty(); }
  /// Throws Error(InvalidFile) if anything was wrong.
  void finish() const {
    if (problems_.empty()) return;
    std::string message = "config.json: ";
    for (std::size_t i = 0; i < problems_.size(); ++i) message += (i == 0 ? "" : "; ") + problems_[i];
    throw Error(ErrorKind::InvalidFile, message);
  }

 private:
  static constexpr std::int64_t kMost = 2147483647;

  std::int64_t integer(const char* key, std::optional<std::int64_t> fallback, std::int64_t least) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) {
      if (!fallback) problem(cat(key, " is missing"));
      return fallback.value_or(1);
    }
    if (!value->is_number_integer() || value->get<std::int64_t>() < least ||
        value->get<std::int64_t>() > kMost) {
      problem(cat(key, " is ", shown(*value), ", an integer from ", least, " to ", kMost, " is expected"));
      return fallback.value_or(1);
    }
    return value->get<std::int64_t>();
  }
  static std::string shown(const nlohmann::json& value) {
    const std::string text = value.dump();
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
  }

  const nlohmann::json& json_;
  std::string where_;
  std::vector<std::string> problems_;
};

}  // namespace bsbr
