#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/printing.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

void append_unit(std::string& out, unsigned unit) {
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "\\u%04x", unit & 0xFFFFU);
  out += buffer.data();
}

void append_json_character(std::string& out, char32_t code, std::string_view bytes, bool ascii) {
  static constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kLetters = "\"\\bfnrt";
  const std::size_t known = code < 0x80 ? kEscaped.find(static_cast<char>(code)) : kEscaped.npos;
  if (known != kEscaped.npos) {
    out += '\\';
    out += kLetters[known];
  } else if (code >= 0x10000 && ascii) {
    append_unit(out, 0xD800U + ((static_cast<unsigned>(code) - 0x10000U) >> 10U));
    append_unit(out, 0xDC00U + ((static_cast<unsigned>(code) - 0x10000U) & 0x3FFU));
  } else if (code < 0x20 || (ascii && code > 0x7F)) {
    append_unit(out, static_cast<unsigned>(code));
  } else {
    out += bytes;
  }
}

class JsonWriter {
 public:
  JsonWriter(Budget& budget, const JsonStyle& style) : budget_(budget), style_(style) {}

  void write(const Value& value, std::size_t level) {
    budget_.work(1);
    if (const std::string* text = value.text()) return string(*text);
    if (const Dict* dict = value.dict()) return object(*dict, level);
    const Sequence* list = value.sequence();
    if (list != nullptr && (list->kind == Sequence::Kind::List || list->kind == Sequence::Kind::Tuple)) {
      return array(*list, level);
    }
    out += scalar(value);
  }

  std::string out;

 private:
  std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (const auto* truth = value.get<bool>()) return *truth ? "true" : "false";
    if (const auto* real = value.get<double>(); real != nullptr && !std::isfinite(*real)) {
      return std::isnan(*real) ? "NaN" : *real > 0 ? "Infinity" : "-Infinity";
    }
    if (!value.is_number()) fail(cat("writes a ", value.type_name(), " as JSON, which has no such thing"));
    return to_repr(budget_, value);
  }

  void string(std::string_view text) {
    budget_.bytes(text.size());
    out += '"';
    while (!text.empty()) {
      const auto [code, size] = first_character(text);
      append_json_character(out, code, text.substr(0, size), style_.ascii);
      text.remove_prefix(size);
    }
    out += '"';
  }

  void line(std::size_t level) {
    if (!style_.indent) return;
    budget_.bytes(level, style_.indent->size());
    out += '\n';
    for (std::size_t i = 0; i < level; ++i) out += *style_.indent;
  }

  void separate() { out += style_.item_separator.value_or(style_.indent ? "," : ", "); }

  void array(const Sequence& list, std::size_t level) {
    if (list.items.empty()) {
      out += "[]";
      return;
    }
    out += '[';
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) separate();
      line(level + 1);
      write(list.items[i], level + 1);
    }
    line(level);
    out += ']';
  }

  void object(const Dict& dict, std::size_t level) {
    if (dict.entries.empty()) {
      out += "{}";
      return;
    }
    std::vector<std::size_t> order(dict.entries.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (style_.sort_keys) {
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return less(budget_, dict.entries[a].first, dict.entries[b].first);
      });
    }
    out += '{';
    bool first = true;
    for (const std::size_t i : order) {
      if (!std::exchange(first, false)) separate();
      line(level + 1);
      const auto& [key, value] = dict.entries[i];
      string(key.text() != nullptr ? *key.text() : scalar(key));
      out += style_.key_separator.value_or(": ");
      write(value, level + 1);
    }
    line(level);
    out += '}';
  }

  Budget& budget_;
  const JsonStyle& style_;
};

}  // namespace

std::string to_json(Budget& budget, const Value& value, const JsonStyle& style) {
  JsonWriter writer(budget, style);
  writer.write(value, 0);
  return std::move(writer.out);
}

}  // namespace bsbr::jinja
