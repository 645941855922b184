#include "engine/tokenizer/normalizer.h"

#include <utf8proc.h>

#include <array>
#include <utility>

#include "engine/tokenizer/nfc.h"
#include "engine/tokenizer/white_space.h"

namespace bsbr {
namespace {

constexpr std::string_view kCapitalDottedI = "\u0130";
constexpr std::string_view kSmallDottedI = "i\u0307";

}  // namespace

void Normalizer::add(Step step) {
  steps_.push_back(std::move(step));
  only_nfc_ = false;
}

void Normalizer::add_nfc() {
  steps_.emplace_back(to_nfc);
}

bool Normalizer::may_change(std::string_view text) const {
  return !steps_.empty() && (!only_nfc_ || may_need_nfc(text));
}

std::string Normalizer::apply(std::string_view text) const {
  std::string normal(text);
  for (const Step& step : steps_) normal = step(normal);
  return normal;
}

std::string lower_case(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t character = -1;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                         static_cast<utf8proc_ssize_t>(text.size()), &character);
    const std::size_t taken = length > 0 ? static_cast<std::size_t>(length) : 1;
    if (length <= 0) {
      lower += text[0];
    } else if (text.starts_with(kCapitalDottedI)) {
      lower += kSmallDottedI;  // the one character whose lower case is two
    } else {
      std::array<utf8proc_uint8_t, 4> utf8{};
      const auto size = utf8proc_encode_char(utf8proc_tolower(character), utf8.data());
      lower.append(reinterpret_cast<const char*>(utf8.data()), static_cast<std::size_t>(size));
    }
    text.remove_prefix(taken);
  }
  return lower;
}

std::string without_white_ends(std::string_view text, bool left, bool right) {
  if (left) text.remove_prefix(white_at_start(text));
  if (right) text.remove_suffix(white_at_end(text));
  return std::string(text);
}

std::string with_prefix(std::string_view text, std::string_view prefix) {
  return text.empty() ? std::string() : std::string(prefix).append(text);
}

std::string with_replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string replaced;
  while (!from.empty()) {
    const std::size_t at = text.find(from);
    if (at == std::string_view::npos) break;
    replaced.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  return replaced.append(text);
}

}  // namespace bsbr
