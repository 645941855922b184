#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/arithmetic.h"
#include "engine/tokenizer/jinja/filters.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

// The text of a number without what Python allows around and inside it; nothing if that is malformed.
std::optional<std::string> plain_number(std::string_view text) {
  text = strip_right(strip_left(text, std::nullopt), std::nullopt);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::string plain;
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || !digit(i - 1) || !digit(i + 1)) {
      return std::nullopt;
    }
  }
  return plain;
}

std::optional<Value> parsed_integer(std::string_view text) {
  const auto plain = plain_number(text);
  if (!plain) return std::nullopt;
  std::int64_t value = 0;
  const char* const end = plain->data() + plain->size();
  const auto parsed = std::from_chars(plain->data(), end, value);
  if (plain->empty() || parsed.ptr != end) return std::nullopt;
  if (parsed.ec == std::errc::result_out_of_range) unsupported("reads an integer beyond 64 bits");
  return Value(value);
}

std::optional<double> parsed_real(std::string_view text) {
  const auto plain = plain_number(text);
  if (!plain || plain->empty()) return std::nullopt;
  double value = 0;
  const char* const end = plain->data() + plain->size();
  const auto parsed = std::from_chars(plain->data(), end, value);
  if (parsed.ptr != end || plain->find('(') != plain->npos) return std::nullopt;
  if (parsed.ec == std::errc::result_out_of_range) unsupported("reads a number beyond those of 64 bits");
  return value;
}

Value truncated(double value) {
  if (!std::isfinite(value)) fail("cannot convert float infinity or NaN to integer");
  if (std::fabs(value) >= 9.2e18) unsupported("computes an integer beyond 64 bits");
  return static_cast<std::int64_t>(value);
}

Value to_integer(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"default", "base"});
  if (bound.integer(1, 10) != 10) unsupported("uses the filter \"int\" with a base");
  require_defined(call.value);
  Value absent = bound.get(0, std::int64_t{0});
  if (call.value.is_integer()) return call.value.integer();
  if (call.value.is_number()) return std::isnan(call.value.real()) ? absent : truncated(call.value.real());
  if (call.value.text() == nullptr) return absent;
  call.budget.bytes(call.value.text()->size());
  if (const auto value = parsed_integer(*call.value.text())) return *value;
  const auto real = parsed_real(*call.value.text());
  return real && std::isfinite(*real) ? truncated(*real) : absent;
}

Value to_real(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"default"});
  require_defined(call.value);
  if (call.value.is_number()) return call.value.real();
  Value absent = bound.get(0, 0.0);
  if (call.value.text() == nullptr) return absent;
  call.budget.bytes(call.value.text()->size());
  const auto real = parsed_real(*call.value.text());
  return real ? Value(*real) : absent;
}

Value absolute(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  require_defined(call.value);
  if (!call.value.is_number()) fail(cat("bad operand type for abs(): '", call.value.type_name(), "'"));
  if (call.value.is_integer()) {
    return call.value.integer() < 0 ? negative(call.value) : Value(call.value.integer());
  }
  return std::fabs(call.value.real());
}

double rounded(double value, int precision) {
  if (!std::isfinite(value)) return value;
  std::array<char, 400> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, precision);
  double result = value;
  std::from_chars(digits.data(), end.ptr, result);
  return result;
}

Value round(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"precision", "method"});
  require_defined(call.value);
  if (!call.value.is_number()) fail(cat("type ", call.value.type_name(), " has no rounding"));
  const std::int64_t precision = bound.integer(0, 0);
  const std::string method = bound.has(1) ? bound.text(1) : "common";
  if (precision < 0 || precision > 20) unsupported("rounds to fewer than 0 or more than 20 digits");
  if (method == "common") {
    if (call.value.is_integer()) return call.value.integer();
    return rounded(call.value.real(), static_cast<int>(precision));
  }
  if (method != "ceil" && method != "floor") fail("method must be common, ceil or floor");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = call.value.real() * scale;
  if (!std::isfinite(scaled)) fail("cannot convert float infinity or NaN to integer");
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale;
}

constexpr std::array<std::pair<std::string_view, Filter>, 4> kFilters = {
    {{"int", to_integer}, {"float", to_real}, {"abs", absolute}, {"round", round}}};

}  // namespace

Filter number_filter(std::string_view name) {
  const auto* found =
      std::find_if(kFilters.begin(), kFilters.end(), [&](const auto& entry) { return entry.first == name; });
  return found == kFilters.end() ? nullptr : found->second;
}

}  // namespace bsbr::jinja
