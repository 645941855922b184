#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/checkpoint/gguf_part.h"

namespace bsbr {

/// A memory-mapped GGUF model of version 2 or 3, little-endian, in one file or in the parts that
/// llama-gguf-split makes; all but the values of its tensors is checked when it is opened. Format:
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Memory is bounded whatever the files say: at
/// most 200,000 tensors, and in a part 65,536 keys, 4 million array elements and 64 MiB of text. Thread-safe.
/// The files must not be shortened meanwhile.
class GgufFile {
 public:
  /// `path`: the file, or any part of a split model; the others are found beside it, by their names. Throws
  /// Error(NotFound | Io | InvalidFile | Unsupported) naming the file, the key or tensor, and what breaks the
  /// format. NotFound: parts that are missing, by name. Unsupported: other versions, big-endian files,
  /// element types that cannot be read, nested arrays.
  static std::shared_ptr<const GgufFile> open(const std::filesystem::path& path);

  /// The file, or the first part.
  [[nodiscard]] const std::filesystem::path& path() const { return parts_.front()->path; }
  [[nodiscard]] std::size_t part_count() const { return parts_.size(); }
  /// Of the first part; the others have none of the model's.
  [[nodiscard]] const GgufMetadata& metadata() const { return parts_.front()->metadata; }
  /// In the order of the files' lists.
  [[nodiscard]] const std::vector<GgufTensor>& tensors() const { return tensors_; }
  /// nullptr when there is no such tensor.
  [[nodiscard]] const GgufTensor* find(std::string_view name) const;

  /// The value of a key; nullptr when it is absent. Throws Error(InvalidFile) if it has another type than T,
  /// one of GgufValue's.
  template <class T>
  [[nodiscard]] const T* get(std::string_view key) const {
    return gguf_value<T>(metadata(), key, path());
  }

 private:
  explicit GgufFile(std::vector<std::unique_ptr<GgufPart>> parts);

  std::vector<std::unique_ptr<GgufPart>> parts_;  // at least one
  std::vector<GgufTensor> tensors_;
  std::map<std::string_view, const GgufTensor*> by_name_;
};

}  // namespace bsbr
