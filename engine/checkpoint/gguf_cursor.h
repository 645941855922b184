#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/base/error.h"

namespace bsbr {

/// Reads a GGUF file's values one after the other and never past its end. `path` must outlive it.
class GgufCursor {
 public:
  GgufCursor(std::span<const std::byte> bytes, const std::filesystem::path& path)
      : bytes_(bytes), path_(path) {}

  /// What is read now, for messages: "the key-value pair 3 of 12".
  void reading(std::string what) { what_ = std::move(what); }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }

  template <class T>
  requires std::is_arithmetic_v<T> T number() {
    T value{};
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }

  /// 8 bytes of length, then at most `most` bytes.
  std::string_view string(std::uint64_t most) {
    const auto length = number<std::uint64_t>();
    if (length > left()) fail_at_end(cat("a string of ", length, " bytes"));
    if (length > most) fail(cat("a string of ", length, " bytes, where at most ", most, " are allowed"));
    return {reinterpret_cast<const char*>(take(length)), static_cast<std::size_t>(length)};
  }

  /// Throws unless `count` things of at least `size` bytes each are left.
  void expect(std::uint64_t count, std::size_t size, std::string_view things) const {
    if (count > left() / size) fail_at_end(cat(count, " ", things));
  }

  [[noreturn]] void fail(const std::string& what, ErrorKind kind = ErrorKind::InvalidFile) const {
    throw Error(kind, cat(path_.string(), ": ", what_, ": ", what));
  }

 private:
  const std::byte* take(std::uint64_t count) {
    if (count > left()) {
      fail(cat("the file ends here, at byte ", bytes_.size(),
               "; it is damaged or was cut off, download it again"));
    }
    const std::byte* const from = bytes_.data() + at_;
    at_ += count;
    return from;
  }
  [[noreturn]] void fail_at_end(const std::string& claimed) const {
    fail(cat("claims ", claimed, " at byte ", at_, ", but the file ends at byte ", bytes_.size(),
             "; it is damaged or was cut off, download it again"));
  }

  std::span<const std::byte> bytes_;
  const std::filesystem::path& path_;
  std::string what_ = "its beginning";
  std::size_t at_ = 0;
};

}  // namespace bsbr
