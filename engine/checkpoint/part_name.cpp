#include "engine/checkpoint/part_name.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "engine/base/error.h"

namespace bsbr {
namespace {

constexpr std::size_t kDigits = 5;
constexpr std::string_view kOf = "-of-";

std::optional<std::uint32_t> number(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<PartName> parse_part_name(std::string_view file, std::string_view ending) {
  constexpr std::size_t kTail = 1 + kDigits + kOf.size() + kDigits;
  if (!file.ends_with(ending)) return std::nullopt;
  file.remove_suffix(ending.size());
  if (file.size() <= kTail) return std::nullopt;
  const std::string_view tail = file.substr(file.size() - kTail);
  if (tail.front() != '-' || tail.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  const auto at = number(tail.substr(1, kDigits));
  const auto count = number(tail.substr(kTail - kDigits));
  if (!at || !count || *at < 1 || *at > *count) return std::nullopt;
  return PartName{std::string(file.substr(0, file.size() - kTail)), *at, *count};
}

std::string part_name(const PartName& part, std::string_view ending) {
  const auto padded = [](std::uint32_t value) {
    const std::string digits = std::to_string(value);
    return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
  };
  return cat(part.stem, '-', padded(part.number), kOf, padded(part.count), ending);
}

}  // namespace bsbr
