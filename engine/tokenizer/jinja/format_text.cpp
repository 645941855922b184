#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/tokenizer/jinja/arithmetic.h"
#include "engine/tokenizer/jinja/printing.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

constexpr int kMostPrecision = 60;

std::string fixed_text(double value, int precision) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  std::array<char, 512> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, precision);
  return {buffer.data(), end.ptr};
}

/// One conversion of a % format: what stands between the % and its letter.
struct Conversion {
  bool left = false, zero = false;
  int width = 0;
  int precision = -1;
};

int read_number(std::string_view format, std::size_t& at) {
  int number = 0;
  const auto end = std::from_chars(format.data() + at, format.data() + format.size(), number);
  if (end.ec == std::errc::result_out_of_range || number > 1000) unsupported("formats with a huge width");
  at = static_cast<std::size_t>(end.ptr - format.data());
  return number;
}

Conversion read_conversion(std::string_view format, std::size_t& at) {
  Conversion conversion;
  for (; at < format.size() && (format[at] == '-' || format[at] == '0'); ++at) {
    (format[at] == '-' ? conversion.left : conversion.zero) = true;
  }
  if (at < format.size() && format[at] >= '1' && format[at] <= '9')
    conversion.width = read_number(format, at);
  if (at < format.size() && format[at] == '.') {
    ++at;
    conversion.precision =
        at < format.size() && format[at] >= '0' && format[at] <= '9' ? read_number(format, at) : 0;
  }
  return conversion;
}

std::string converted(Budget& budget, char letter, const Conversion& conversion, const Value& value) {
  std::string text;
  if (letter == 's' || letter == 'r') {
    text = letter == 's' ? to_text(budget, value) : to_repr(budget, value);
    if (conversion.precision >= 0) {
      text.resize(byte_offset(text, static_cast<std::size_t>(conversion.precision)));
    }
  } else if ((letter == 'd' || letter == 'i') && conversion.precision < 0) {
    if (!value.is_number())
      fail(cat("%", letter, " format: a real number is required, not ", value.type_name()));
    if (value.is_integer()) {
      text = std::to_string(value.integer());
    } else {
      text = fixed_text(std::trunc(value.real()), 0);
    }
  } else if (letter == 'f') {
    if (!value.is_number()) fail(cat("must be real number, not ", value.type_name()));
    if (conversion.precision > kMostPrecision) unsupported("formats with a huge precision");
    text = fixed_text(value.real(), conversion.precision < 0 ? 6 : conversion.precision);
  } else {
    unsupported(cat("formats with \"%", letter, "\""));
  }
  return text;
}

std::string padded(std::string text, char letter, const Conversion& conversion) {
  const std::size_t size = count_characters(text);
  const auto width = static_cast<std::size_t>(conversion.width);
  if (size >= width) return text;
  if (conversion.left) return text + std::string(width - size, ' ');
  const bool zeros = conversion.zero && letter != 's' && letter != 'r';
  const std::size_t sign = zeros && text.starts_with('-') ? 1 : 0;
  text.insert(sign, width - size, zeros ? '0' : ' ');
  return text;
}

}  // namespace

std::string percent_format(Budget& budget, std::string_view format, const Value& values) {
  budget.bytes(format.size());
  const Sequence* tuple = values.sequence();
  const bool several = tuple != nullptr && tuple->kind == Sequence::Kind::Tuple;
  const Values list = several ? tuple->items : Values{values};
  std::size_t used = 0;
  std::string out;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    if (++at == format.size()) fail("incomplete format");
    if (format[at] == '%') {
      out += format[at++];
      continue;
    }
    if (format[at] == '(') unsupported("formats with names in a % format");
    const Conversion conversion = read_conversion(format, at);
    if (at == format.size()) fail("incomplete format");
    if (used == list.size()) fail("not enough arguments for format string");
    const char letter = format[at++];
    out += padded(converted(budget, letter, conversion, list[used++]), letter, conversion);
    budget.bytes(static_cast<std::uint64_t>(conversion.width));
  }
  const bool mapping = values.dict() != nullptr;
  if (used != list.size() && !mapping) fail("not all arguments converted during string formatting");
  return out;
}

namespace {

const Value& field_value(std::string_view name, const Arguments& values, std::size_t& next) {
  std::size_t index = 0;
  if (name.empty()) {
    index = next++;
  } else if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    const auto end = std::from_chars(name.data(), name.data() + name.size(), index);
    if (end.ec != std::errc()) index = values.positional.size();
  } else {
    for (const auto& [key, value] : values.named) {
      if (key == name) return value;
    }
    fail(cat("format: no argument is called '", name, "'"));
  }
  if (index >= values.positional.size()) fail("Replacement index out of range for positional args tuple");
  return values.positional[index];
}

}  // namespace

std::string brace_format(Budget& budget, std::string_view format, const Arguments& values) {
  budget.bytes(format.size());
  std::string out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < format.size(); ++at) {
    const char c = format[at];
    if (c != '{' && c != '}') {
      out += c;
      continue;
    }
    if (at + 1 < format.size() && format[at + 1] == c) {
      out += c;
      ++at;
      continue;
    }
    if (c == '}') fail("Single '}' encountered in format string");
    const std::size_t end = format.find('}', at);
    if (end == format.npos) fail("Single '{' encountered in format string");
    const std::string_view field = format.substr(at + 1, end - at - 1);
    if (field.find_first_of("!:.[{") != field.npos) unsupported(cat("formats with \"{", field, "}\""));
    const Text text = as_text(budget, field_value(field, values, next));
    budget.bytes(text->size());
    out += *text;
    at = end;
  }
  return out;
}

}  // namespace bsbr::jinja
