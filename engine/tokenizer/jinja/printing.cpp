#include "engine/tokenizer/jinja/printing.h"

#include <utf8proc.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

// The shortest digits that read back the same, with an exponent where Python's repr() has one.
std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 64> buffer{};
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer.data(), end.ptr);
  if (plain && text.find('.') == text.npos) text += ".0";
  return text;
}

void append_escape(std::string& out, const char* format, unsigned code) {
  std::array<char, 16> buffer{};
  // NOLINTNEXTLINE(clang-diagnostic-format-nonliteral)
  const int size = std::snprintf(buffer.data(), buffer.size(), format, code);
  out.append(buffer.data(), static_cast<std::size_t>(size));
}

// As Python's str.isprintable() of one character.
bool is_printable(char32_t code) {
  if (code == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    default:
      return true;
  }
}

void append_unprintable(std::string& out, char32_t code) {
  if (code == '\n') {
    out += "\\n";
  } else if (code == '\r') {
    out += "\\r";
  } else if (code == '\t') {
    out += "\\t";
  } else if (code <= 0xFF) {
    append_escape(out, "\\x%02x", static_cast<unsigned>(code));
  } else if (code <= 0xFFFF) {
    append_escape(out, "\\u%04x", static_cast<unsigned>(code));
  } else {
    append_escape(out, "\\U%08x", static_cast<unsigned>(code));
  }
}

std::string text_repr(std::string_view text) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  std::string out(1, quote);
  for (; !text.empty(); text.remove_prefix(first_character(text).size)) {
    const auto [code, size] = first_character(text);
    if (code == static_cast<unsigned char>(quote) || code == '\\') out += '\\';
    if (is_printable(code)) {
      out += text.substr(0, size);
    } else {
      append_unprintable(out, code);
    }
  }
  return out + quote;
}

class Printer {
 public:
  explicit Printer(Budget& budget) : budget_(budget) {}

  std::string repr(const Value& value) {
    budget_.work(1);
    if (value.is_none()) return "None";
    if (const auto* truth = value.get<bool>()) return *truth ? "True" : "False";
    if (const auto* number = value.get<std::int64_t>()) return std::to_string(*number);
    if (const auto* number = value.get<double>()) return real_text(*number);
    if (value.is_undefined()) return "Undefined";
    if (const std::string* text = value.text()) {
      budget_.bytes(text->size());
      return text_repr(*text);
    }
    if (const Sequence* sequence = value.sequence()) return list(*sequence);
    if (const Dict* dict = value.dict()) return entries(*dict);
    unsupported(cat("prints a ", value.type_name()));
  }

 private:
  std::string list(const Sequence& sequence) {
    using Kind = Sequence::Kind;
    if (sequence.kind == Kind::Range) return sequence.shown;
    if (sequence.kind == Kind::Iterator) unsupported("prints a generator; it needs \"| list\"");
    std::string out = sequence.kind == Kind::Tuple ? "(" : "[";
    for (std::size_t i = 0; i < sequence.items.size(); ++i) {
      if (i > 0) out += ", ";
      out += repr(sequence.items[i]);
      budget_.bytes(out.size() / 64);
    }
    if (sequence.kind == Kind::Tuple) return out + (sequence.items.size() == 1 ? ",)" : ")");
    out += ']';
    return sequence.kind == Kind::View ? cat(sequence.shown, "(", out, ")") : out;
  }

  std::string entries(const Dict& dict) {
    std::string out = "{";
    for (const auto& [key, value] : dict.entries) {
      if (out.size() > 1) out += ", ";
      out += repr(key);
      out += ": ";
      out += repr(value);
    }
    return out + '}';
  }

  Budget& budget_;
};

}  // namespace

std::string to_repr(Budget& budget, const Value& value) {
  return Printer(budget).repr(value);
}

Text as_text(Budget& budget, const Value& value) {
  if (const auto* text = value.get<Text>()) return *text;
  return std::make_shared<const std::string>(value.is_undefined() ? "" : to_repr(budget, value));
}

std::string to_text(Budget& budget, const Value& value) {
  return *as_text(budget, value);
}

}  // namespace bsbr::jinja
