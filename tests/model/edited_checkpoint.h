#pragma once

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/checkpoint/checkpoint.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

namespace bsbr::test {

/// A checkpoint of tests/cases in memory, to be changed and written.
struct EditedCheckpoint {
  struct Tensor {
    Dtype dtype;
    std::vector<std::int64_t> shape;
    std::string bytes;

    static Tensor of(std::vector<std::int64_t> shape, const std::vector<float>& values) {
      std::string bytes(values.size() * sizeof(float), '\0');
      std::memcpy(bytes.data(), values.data(), bytes.size());
      return {Dtype::F32, std::move(shape), std::move(bytes)};
    }
    [[nodiscard]] std::vector<float> values() const {
      std::vector<float> out(bytes.size() / sizeof(float));
      std::memcpy(out.data(), bytes.data(), bytes.size());
      return out;
    }
  };
  nlohmann::json config;
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata{{"format", "pt"}};
  std::map<std::string, std::string> files;  ///< further ones, by name

  explicit EditedCheckpoint(const std::string& name) {
    const Checkpoint from = Checkpoint::open(in_repository("tests/cases/") + name);
    config = from.config();
    for (const TensorView& view : from.tensors()) {
      const auto* data = reinterpret_cast<const char*>(view.bytes.data());
      tensors[view.name] = {view.dtype, view.shape, std::string(data, view.bytes.size())};
    }
  }

  /// Writes it to a new folder.
  [[nodiscard]] Checkpoint open(const std::filesystem::path& folder) const {
    write_file(folder / "config.json", config.dump());
    for (const auto& [name, content] : files) write_file(folder / name, content);
    std::vector<TensorView> views;
    for (const auto& [name, tensor] : tensors)
      views.push_back({name, tensor.dtype, tensor.shape, std::as_bytes(std::span(tensor.bytes))});
    write_safetensors(folder / "model.safetensors", views, metadata);
    return Checkpoint::open(folder.string());
  }
};

}  // namespace bsbr::test
