#include "engine/checkpoint/problems.h"

#include <algorithm>

#include "engine/base/utf8.h"

namespace bsbr {
namespace {

constexpr std::size_t kMostTexts = 10;
constexpr std::size_t kEnough = 1000;
constexpr std::size_t kMostQuoted = 100;

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const bool cut = text.size() > kMostQuoted;
  if (cut) {
    const std::string_view head = text.substr(0, kMostQuoted);
    const std::size_t valid = valid_utf8_prefix(head);
    text = valid + 4 > head.size() ? head.substr(0, valid) : head;
  }
  const bool utf8 = is_valid_utf8(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + (cut ? "…\"" : "\"");
}

std::string list_names(const std::vector<std::string>& names, std::size_t most) {
  const std::size_t shown = std::min(names.size(), std::max<std::size_t>(most, 1));
  std::string out;
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  if (shown < names.size()) out += cat(" and ", names.size() - shown, " more");
  return out;
}

void Problems::add(std::string text, ErrorKind kind) {
  ++count_;
  all_unsupported_ = all_unsupported_ && kind == ErrorKind::Unsupported;
  if (texts_.size() < kMostTexts) texts_.push_back(std::move(text));
  if (count_ >= kEnough) throw_if_any("that is enough; the rest was not looked at");
}

void Problems::throw_if_any(std::string_view advice) const {
  if (count_ == 0) return;
  std::string message = where_.string() + ": ";
  if (count_ == 1) {
    message += texts_.front();
  } else {
    message += cat(count_, " problems:");
    for (const std::string& text : texts_) message += "\n  " + text;
    if (count_ > texts_.size()) message += cat("\n  and ", count_ - texts_.size(), " more");
  }
  if (!advice.empty()) message += cat(count_ == 1 ? "; " : "\n", advice);
  throw Error(all_unsupported_ ? ErrorKind::Unsupported : ErrorKind::InvalidFile, message);
}

}  // namespace bsbr
