#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/job.h"
#include "engine/checkpoint/gguf_file.h"
#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// An opened HuggingFace folder: config.json and the tensors of model.safetensors or pytorch_model.bin, or of
/// the shards that model.safetensors.index.json or pytorch_model.bin.index.json names. Or a GGUF file,
/// offered in the same form: a config of HuggingFace's keys and float32 tensors of its names
/// (read_gguf_model). Only the file formats are checked here; what the tensors mean is model/'s. Cheap to
/// copy; thread-safe; views stay valid while any copy lives.
class Checkpoint {
 public:
  /// `path_or_name`: a folder, a file *.gguf, or the name of a model in the local hub cache ("gpt2",
  /// "org/name@revision", "org/name:file.gguf", "org/name:Q4_K_M", an address; see parse_hub_name()). An
  /// existing path goes before a name; model.safetensors before its index, that before pytorch_model.bin and
  /// its index, and a folder's only GGUF model is taken if there are no safetensors and no config.json;
  /// tensors with a zero dimension are refused, and so are quantised weights and what is no language model.
  /// Opening a GGUF file dequantises it, which is what `job` hears of. Throws Error(NotFound | Io |
  /// InvalidFile | Unsupported | OutOfMemory | Cancelled), Error(InvalidArgument) for an empty name, a file
  /// where a folder is meant, or a folder of several GGUF files.
  static Checkpoint open(const std::string& path_or_name, const Job& job = {});

  /// The folder that was opened (a snapshot folder for a hub name), or that of the GGUF file; absolute.
  [[nodiscard]] const std::filesystem::path& folder() const;
  /// What a person calls it: the hub name, the folder's own name, or that of the GGUF file without its
  /// ending.
  [[nodiscard]] const std::string& name() const;
  /// config.json, or what it would be for a GGUF file; an object.
  [[nodiscard]] const nlohmann::json& config() const;
  /// Sorted by name.
  [[nodiscard]] const std::vector<TensorView>& tensors() const;
  /// nullptr when there is no such tensor.
  [[nodiscard]] const TensorView* find(std::string_view name) const;
  /// Sum of all tensors' bytes.
  [[nodiscard]] std::uint64_t tensor_bytes() const;
  /// Number of files that hold the tensors.
  [[nodiscard]] std::size_t shard_count() const;
  /// Names under which the files leave a tensor out because it is another one, and the name of that, which is
  /// among tensors(): what save_model() of the safetensors library writes into __metadata__.
  [[nodiscard]] const std::map<std::string, std::string>& shared_names() const;
  /// What a person should know of how the files were read: a line each, every cause once.
  [[nodiscard]] const std::vector<std::string>& warnings() const;
  /// The GGUF file with its metadata, as of the tokenizer; nullptr for a HuggingFace folder.
  [[nodiscard]] std::shared_ptr<const GgufFile> gguf() const;

 private:
  struct Content;
  explicit Checkpoint(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

}  // namespace bsbr
