#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr::test {

/// The bytes of a number, little-endian.
template <class T>
std::string raw(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

/// A string as GGUF stores it.
std::string gguf_string(std::string_view text);

/// An array as GGUF stores it: the elements' type and count, and their bytes.
std::string gguf_array(std::uint32_t type, std::uint64_t count, const std::string& elements);

/// Writes GGUF files, right ones and, by its fields, wrong ones. The file ends with its last tensor's data.
class GgufBuilder {
 public:
  GgufBuilder& pair(std::string_view key, std::uint32_t type, const std::string& value);
  GgufBuilder& number(std::string_view key, std::uint32_t value) { return pair(key, 4, raw(value)); }
  GgufBuilder& real(std::string_view key, float value) { return pair(key, 6, raw(value)); }
  GgufBuilder& text(std::string_view key, std::string_view value) { return pair(key, 8, gguf_string(value)); }

  /// `dims`: the fastest first, as the file lists them. `offset`: in place of the right one.
  GgufBuilder& tensor(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                      const std::string& data, std::optional<std::uint64_t> offset = {});
  /// A float32 tensor of these values.
  GgufBuilder& floats(std::string_view name, const std::vector<std::uint64_t>& dims,
                      const std::vector<float>& values);
  /// The same; all values are `value`.
  GgufBuilder& floats(std::string_view name, const std::vector<std::uint64_t>& dims, float value = 0);

  [[nodiscard]] std::string bytes() const;

  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::optional<std::uint64_t> pair_count;
  std::optional<std::uint64_t> tensor_count;
  std::size_t alignment = 32;

 private:
  std::uint64_t pairs_ = 0;
  std::uint64_t tensors_ = 0;
  std::string metadata_;
  std::string infos_;
  std::string data_;
};

}  // namespace bsbr::test
