#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// An opened HuggingFace folder: config.json and the tensors of model.safetensors, or of the shards that
/// model.safetensors.index.json names. Only the file formats are checked here; what the tensors mean is
/// model/'s. Cheap to copy; thread-safe; views stay valid while any copy lives.
class Checkpoint {
 public:
  /// `path_or_name`: a folder, or the name of a model in the local hub cache ("gpt2", "org/name").
  /// An existing path goes before a name; model.safetensors before an index; tensors with a zero dimension
  /// are refused. Throws Error(NotFound | Io | InvalidFile | Unsupported), Error(InvalidArgument) for an
  /// empty name or a file where a folder is meant.
  static Checkpoint open(const std::string& path_or_name);

  /// The folder that was opened (a snapshot folder for a hub name), absolute.
  [[nodiscard]] const std::filesystem::path& folder() const;
  /// What a person calls it: the hub name, or the folder's own name.
  [[nodiscard]] const std::string& name() const;
  /// config.json, an object.
  [[nodiscard]] const nlohmann::json& config() const;
  /// Sorted by name.
  [[nodiscard]] const std::vector<TensorView>& tensors() const;
  /// nullptr when there is no such tensor.
  [[nodiscard]] const TensorView* find(std::string_view name) const;
  /// Sum of all tensors' bytes.
  [[nodiscard]] std::uint64_t tensor_bytes() const;
  /// Number of safetensors files.
  [[nodiscard]] std::size_t shard_count() const;

 private:
  struct Content;
  explicit Checkpoint(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

}  // namespace bsbr
