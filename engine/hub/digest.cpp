#include "engine/hub/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "engine/base/error.h"

namespace bsbr {
namespace {

constexpr std::size_t kSha1Digits = 40, kSha256Digits = 64;

void require(bool success) {
  if (!success) throw Error(ErrorKind::Internal, "OpenSSL cannot compute a hash");
}

}  // namespace

struct Digest::State {
  struct Freed {
    void operator()(EVP_MD_CTX* made) const { EVP_MD_CTX_free(made); }
  };
  std::unique_ptr<EVP_MD_CTX, Freed> context{EVP_MD_CTX_new()};
};

bool Digest::is_hash(std::string_view hash) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return (hash.size() == kSha1Digits || hash.size() == kSha256Digits) && std::ranges::all_of(hash, digit);
}

Digest::Digest(std::string_view hash, std::uint64_t size) : state_(std::make_unique<State>()) {
  const bool git = hash.size() == kSha1Digits;
  require(EVP_DigestInit_ex(state_->context.get(), git ? EVP_sha1() : EVP_sha256(), nullptr) == 1);
  if (!git) return;
  const std::string header = cat("blob ", size, '\0');
  add(std::as_bytes(std::span(header)));
}

Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::add(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::finish() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(state_->context.get(), hash.data(), &size) == 1);
  std::string text;
  for (const unsigned char byte : std::span(hash).first(size))
    text.append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  return text;
}

}  // namespace bsbr
