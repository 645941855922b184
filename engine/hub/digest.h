#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bsbr {

/// Computes what the hub names a file by: the SHA-256 of its bytes where Git LFS stores it, else git's hash
/// of a blob, the SHA-1 of "blob SIZE\0" and its bytes.
class Digest {
 public:
  /// Whether `hash` has the form of either: 64 or 40 hexadecimal digits in lower case.
  static bool is_hash(std::string_view hash);

  /// That kind of hash which `hash` is, of a file of `size` bytes.
  Digest(std::string_view hash, std::uint64_t size);
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void add(std::span<const std::byte> bytes);
  /// In hexadecimal; ends the computation.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bsbr
