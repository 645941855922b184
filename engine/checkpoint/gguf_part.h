#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/checkpoint/gguf_metadata.h"
#include "engine/checkpoint/gguf_quant.h"
#include "engine/checkpoint/mapped_file.h"

namespace bsbr {

/// Bound on the tensors of a model, far above every published one.
inline constexpr std::uint64_t kMaxGgufTensors = 200'000;

/// A tensor's description and its bytes, which belong to the file.
struct GgufTensor {
  std::string name;
  GgufType type{};
  std::vector<std::int64_t> shape;  ///< slowest dimension first: the reverse of how the file lists them
  std::span<const std::byte> bytes;
};

/// One memory-mapped file of a GGUF model, which is in one file or several.
struct GgufPart {
  /// Reads all but the values of the tensors, and checks it as GgufFile::open() says. Throws Error(NotFound |
  /// Io | InvalidFile | Unsupported).
  explicit GgufPart(const std::filesystem::path& where);

  std::filesystem::path path;
  MappedFile file;
  GgufMetadata metadata;
  std::vector<GgufTensor> tensors;  ///< in the order of the file's list
};

}  // namespace bsbr
