#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint/dtype.h"
#include "engine/checkpoint/pickle_stream.h"
#include "engine/checkpoint/pickle_value.h"
#include "engine/checkpoint/strided.h"
#include "engine/checkpoint/torch_globals.h"

namespace bsbr {

// As for safetensors: far above every published checkpoint, and small in memory.
inline constexpr std::size_t kMaxTorchTensors = 200'000;
inline constexpr std::size_t kMaxTorchDimensions = 2'000'000;  // of all tensors together

/// A storage as the pickle claims it; its bytes lie elsewhere in the file.
struct TorchStorage {
  std::string_view key;
  Dtype dtype{};
  std::uint64_t bytes = 0;
};

/// A tensor in a storage; it lies within the bytes that the storage claims.
struct TorchTensor {
  std::uint32_t storage = 0;  ///< index of it
  Dtype dtype{};
  StridedLayout layout;
};

/// All that the pickle of a state dict may make: ordered dictionaries, storages and tensors. What is made is
/// checked at once; every refusal names the byte `at` of the file.
class TorchObjects {
 public:
  /// `stream` is that of the pickle, for the texts that values refer to and for messages; it must outlive
  /// the object.
  explicit TorchObjects(const PickleStream& stream) : stream_(stream) {}

  [[nodiscard]] PickleHeap& heap() noexcept { return heap_; }
  [[nodiscard]] const std::vector<TorchStorage>& storages() const noexcept { return storages_; }
  /// Its index; nothing if no storage has that key.
  [[nodiscard]] std::optional<std::size_t> find_storage(std::string_view key) const;
  [[nodiscard]] const std::vector<TorchTensor>& tensors() const noexcept { return tensors_; }
  [[nodiscard]] std::string_view text(PickleValue value) const {
    return stream_.text(static_cast<std::size_t>(value.number), value.index);
  }

  /// What the name stands for; refuses all but a few, by name.
  [[nodiscard]] PickleValue global(std::string_view module, std::string_view name, std::size_t at) const;
  /// What `function` (…`arguments`) makes.
  PickleValue call(PickleValue function, PickleValue arguments, std::size_t at);
  /// The storage that torch's persistent id names: ("storage", type, key, location, elements[, None]).
  PickleValue persistent(PickleValue id, std::size_t at);
  /// Attributes of a dictionary (`_metadata`) are dropped, those of anything else refused.
  void set_state(PickleValue object, PickleValue state, std::size_t at) const;

 private:
  PickleValue ordered_dict(std::span<const PickleValue> arguments, std::size_t at);
  PickleValue tensor(const TorchGlobal& function, std::span<const PickleValue> arguments, std::size_t at);
  [[nodiscard]] std::vector<std::int64_t> sizes(PickleValue tuple, std::string_view what,
                                                std::size_t at) const;
  PickleValue parameter(std::span<const PickleValue> arguments, std::size_t at) const;
  void need(PickleValue value, PickleKind kind, std::string_view what, std::size_t at) const;
  [[noreturn]] void fail(std::size_t at, const std::string& what,
                         ErrorKind kind = ErrorKind::InvalidFile) const {
    stream_.fail(at, what, kind);
  }

  const PickleStream& stream_;
  PickleHeap heap_;
  std::vector<TorchStorage> storages_;
  std::map<std::string_view, std::uint32_t> storage_of_;
  std::vector<TorchTensor> tensors_;
  std::size_t dimensions_ = 0;
};

}  // namespace bsbr
