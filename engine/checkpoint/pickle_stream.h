#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/base/error.h"

namespace bsbr {

/// Reads bytes `begin` to `end` of a file one after the other, and never past them. Positions count from the
/// file's beginning. `path` must outlive it.
class PickleStream {
 public:
  PickleStream(std::span<const std::byte> file, std::size_t begin, std::size_t end,
               const std::filesystem::path& path)
      : bytes_(file.first(end)), at_(begin), path_(path) {}

  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }

  template <class T>
  requires std::is_arithmetic_v<T> T number() {
    T value{};
    take(sizeof value).copy(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  }

  std::string_view take(std::uint64_t count) {
    if (count > left()) {
      fail(at_, cat("needs ", count, " bytes here, but only ", left(),
                    " follow; the file is damaged or was cut off, download it again"));
    }
    const char* const from = reinterpret_cast<const char*>(bytes_.data()) + at_;
    at_ += static_cast<std::size_t>(count);
    return {from, static_cast<std::size_t>(count)};
  }

  /// The text before the next line feed, which is passed over.
  std::string_view line() {
    constexpr std::size_t kMostLine = 4096;
    const std::string_view ahead(reinterpret_cast<const char*>(bytes_.data()) + at_,
                                 left() < kMostLine ? left() : kMostLine);
    const std::size_t length = ahead.find('\n');
    if (length == ahead.npos) fail(at_, "a line of text does not end; the file is damaged or was cut off");
    at_ += length + 1;
    return ahead.substr(0, length);
  }

  [[nodiscard]] std::string_view text(std::size_t at, std::size_t size) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, size};
  }

  [[noreturn]] void fail(std::size_t at, const std::string& what,
                         ErrorKind kind = ErrorKind::InvalidFile) const {
    throw Error(kind, cat(path_.string(), ": byte ", at, ": ", what));
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_;
  const std::filesystem::path& path_;
};

}  // namespace bsbr
