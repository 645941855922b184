#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/job.h"
#include "engine/checkpoint/dtype.h"

namespace bsbr {

/// A tensor's description and its bytes: row-major, little-endian, owned by somebody else. In a file they may
/// begin at any address, so copy them (memcpy) before use as numbers.
struct TensorView {
  std::string name;
  Dtype dtype{};
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// One memory-mapped safetensors file; its header is fully checked before any tensor is offered.
/// Format: https://github.com/huggingface/safetensors (8 bytes header length, JSON header, data).
/// A dimension of zero is legal here. Thread-safe after opening. Views stay valid while any copy of the
/// object lives, and the file must not be shortened meanwhile.
class SafetensorsFile {
 public:
  /// Throws Error(NotFound | Io | InvalidFile | Unsupported) naming the file and what breaks the format.
  static SafetensorsFile open(const std::filesystem::path& path);

  /// In the order of their data.
  [[nodiscard]] const std::vector<TensorView>& tensors() const;
  /// nullptr when there is no such tensor.
  [[nodiscard]] const TensorView* find(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const;
  [[nodiscard]] const std::filesystem::path& path() const;

 private:
  struct Content;
  explicit SafetensorsFile(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

/// A tensor to write, whose bytes are made while it is written.
struct TensorSource {
  std::string name;
  Dtype dtype{};
  std::vector<std::int64_t> shape;
  /// The bytes [at, at + size) of it, whole elements, asked for in order; they are good until the next call.
  std::function<std::span<const std::byte>(std::uint64_t at, std::uint64_t size)> read;
};

/// Writes `tensors` in the given order as a new safetensors file and flushes it to the disk (fsync). An
/// existing file is refused. On any error (also Cancelled) the partial file is removed. Throws Error(Io |
/// InvalidArgument).
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata, const Job& job = {});
/// The same for bytes that are made meanwhile. Throws what a source throws, too.
void stream_safetensors(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                        const std::map<std::string, std::string>& metadata, const Job& job = {});

}  // namespace bsbr
