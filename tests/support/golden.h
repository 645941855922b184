#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/checkpoint/safetensors.h"
#include "engine/model/language_model.h"
#include "tests/support/places.h"

/// Reads what the scripts in tests/golden/tools write, and compares with it.
namespace golden {

inline std::filesystem::path folder(const std::string& name) {
  return bsbr::test::in_golden(name);
}

inline bsbr::LanguageModel model(const std::string& name) {
  return bsbr::LanguageModel::load(bsbr::Checkpoint::open(folder(name).string()));
}

template <class T>
std::vector<T> values(const bsbr::SafetensorsFile& file, const std::string& name) {
  const bsbr::TensorView* view = file.find(name);
  if (view == nullptr) throw std::runtime_error("no tensor " + name);
  std::vector<T> out(view->bytes.size() / sizeof(T));
  std::memcpy(out.data(), view->bytes.data(), view->bytes.size());
  return out;
}

inline bsbr::TokenBatch batch(const bsbr::SafetensorsFile& file) {
  const auto& shape = file.find("input_ids")->shape;
  return {shape[0], shape[1], values<bsbr::TokenId>(file, "input_ids"),
          values<std::int64_t>(file, "attention_mask")};
}

/// Of logits [tokens, width], the rows that the golden file's `rows` name.
inline std::vector<float> named_rows(const bsbr::SafetensorsFile& file, const std::vector<float>& logits,
                                     std::int64_t width) {
  std::vector<float> out;
  for (const std::int64_t r : values<std::int64_t>(file, "rows")) {
    out.insert(out.end(), logits.begin() + r * width, logits.begin() + (r + 1) * width);
  }
  return out;
}

/// Largest difference over largest expected magnitude.
inline double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  if (actual.size() != expected.size()) throw std::runtime_error("sizes differ");
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!std::isfinite(actual[i])) return INFINITY;
    difference = std::max(difference, std::abs(static_cast<double>(actual[i]) - expected[i]));
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return difference / largest;
}

}  // namespace golden
