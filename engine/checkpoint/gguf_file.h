#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/gguf_metadata.h"
#include "engine/checkpoint/gguf_quant.h"
#include "engine/checkpoint/mapped_file.h"

namespace bsbr {

/// A tensor's description and its bytes, which belong to the file.
struct GgufTensor {
  std::string name;
  GgufType type{};
  std::vector<std::int64_t> shape;  ///< slowest dimension first: the reverse of how the file lists them
  std::span<const std::byte> bytes;
};

/// One memory-mapped GGUF file of version 3, little-endian; all but the values of its tensors is checked when
/// it is opened. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Memory is bounded
/// whatever the file says: at most 200,000 tensors, 65,536 keys, 4 million array elements and 64 MiB of text.
/// Thread-safe. The file must not be shortened meanwhile.
class GgufFile {
 public:
  /// Throws Error(NotFound | Io | InvalidFile | Unsupported) naming the file, the key or tensor, and what
  /// breaks the format. Unsupported: other versions, big-endian files, element types that cannot be read,
  /// nested arrays.
  static std::shared_ptr<const GgufFile> open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const GgufMetadata& metadata() const { return metadata_; }
  /// In the order of the file's list.
  [[nodiscard]] const std::vector<GgufTensor>& tensors() const { return tensors_; }
  /// nullptr when there is no such tensor.
  [[nodiscard]] const GgufTensor* find(std::string_view name) const;

  /// The value of a key; nullptr when it is absent. Throws Error(InvalidFile) if it has another type than T,
  /// one of GgufValue's.
  template <class T>
  [[nodiscard]] const T* get(std::string_view key) const {
    const auto at = metadata_.find(key);
    if (at == metadata_.end()) return nullptr;
    const T* const value = std::get_if<T>(&at->second);
    if (value == nullptr) refuse_type(key, GgufValue(T()));
    return value;
  }

 private:
  explicit GgufFile(const std::filesystem::path& path) : path_(path), file_(path) {}
  [[noreturn]] void refuse_type(std::string_view key, const GgufValue& expected) const;

  std::filesystem::path path_;
  MappedFile file_;
  GgufMetadata metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string_view, const GgufTensor*> by_name_;
};

}  // namespace bsbr
