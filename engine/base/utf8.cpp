#include "engine/base/utf8.h"

#include <algorithm>

namespace bsbr {
namespace {

struct Lead {
  std::size_t length;    // of the whole sequence, 0 if the byte cannot lead one
  unsigned char lo, hi;  // bounds of the second byte
};

Lead lead_of(unsigned char byte) noexcept {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// How many bytes at the start of `text`, which is not empty, fit one character; `whole` tells whether they
// are all of it. 0 if the first byte fits none.
std::size_t fitting_bytes(std::string_view text, bool& whole) noexcept {
  const Lead lead = lead_of(static_cast<unsigned char>(text[0]));
  std::size_t fit = lead.length == 0 ? 0 : 1;
  while (fit < lead.length && fit < text.size()) {
    const auto byte = static_cast<unsigned char>(text[fit]);
    const bool good = fit == 1 ? byte >= lead.lo && byte <= lead.hi : (byte & 0xC0) == 0x80;
    if (!good) break;
    ++fit;
  }
  whole = fit > 0 && fit == lead.length;
  return fit;
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    bool whole = false;
    const std::size_t fit = fitting_bytes(text.substr(at), whole);
    if (!whole) return at;
    at += fit;
  }
  return at;
}

std::size_t cut_utf8_suffix(std::string_view text) noexcept {
  for (std::size_t length = std::min<std::size_t>(3, text.size()); length > 0; --length) {
    bool whole = false;
    if (fitting_bytes(text.substr(text.size() - length), whole) == length && !whole) return length;
  }
  return 0;
}

}  // namespace bsbr
