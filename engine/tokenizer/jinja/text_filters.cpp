#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/arithmetic.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/filters.h"
#include "engine/tokenizer/jinja/printing.h"
#include "engine/tokenizer/jinja/split_text.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

Value trim(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"chars"});
  const Text text = as_text(call.budget, call.value);
  const auto set = bound.text_or_none(0);
  call.budget.bytes(text->size(), 1 + (set ? set->size() : 0));
  return strip_right(strip_left(*text, set), set);
}

Value string(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  return as_text(call.budget, call.value);
}

// As jinja2's title filter: words begin after white space, hyphens and opening brackets.
std::string title_words(std::string_view text) {
  std::string out;
  std::string word;
  const auto finish = [&] {
    if (word.empty()) return;
    const std::size_t first = first_character(word).size;
    out += upper(word.substr(0, first)) + lower(word.substr(first));
    word.clear();
  };
  for (const std::string_view character : split_characters(text)) {
    const char32_t code = first_character(character).code;
    if (is_white(code) ||
        (code < 0x80 && std::string_view("-({[<").find(static_cast<char>(code)) != std::string_view::npos)) {
      finish();
      out += character;
    } else {
      word += character;
    }
  }
  finish();
  return out;
}

Value in_case(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  const Text text = as_text(call.budget, call.value);
  call.budget.work(1 + text->size() / 2);
  if (call.name == "upper") return upper(*text);
  if (call.name == "lower") return lower(*text);
  return call.name == "title" ? title_words(*text) : capitalize(*text);
}

Value replace(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"old", "new", "count"});
  const Value count = bound.get(2, None());
  const std::int64_t most = count.is_none() ? -1 : count.integer();
  return replace_text(call.budget, *as_text(call.budget, call.value), *as_text(call.budget, bound[0]),
                      *as_text(call.budget, bound[1]), most < 0 ? SIZE_MAX : static_cast<std::size_t>(most));
}

std::string indention(const FilterCall& call, const Value& width) {
  if (width.text() != nullptr) return *width.text();
  const std::int64_t size = width.integer();
  if (size <= 0) return "";
  call.budget.bytes(static_cast<std::uint64_t>(size));
  return std::string(static_cast<std::size_t>(size), ' ');
}

Value indent(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"width", "first", "blank"});
  require_defined(call.value);
  if (call.value.text() == nullptr) fail(cat("indents a ", call.value.type_name()));
  const std::string indent = indention(call, bound.get(0, std::int64_t{4}));
  const bool blank = bound.flag(2, false);
  const Values lines = split_lines(call.budget, *call.value.text() + "\n", false);
  std::string out = bound.flag(1, false) ? indent : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = *lines[i].text();
    call.budget.bytes(indent.size() + line.size());
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !line.empty())) out += indent;
    out += line;
  }
  return out;
}

Value format(const FilterCall& call) {
  if (!call.arguments.named.empty()) unsupported("uses the filter \"format\" with names");
  return percent_format(call.budget, *as_text(call.budget, call.value),
                        make_tuple(call.arguments.positional));
}

Value json(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style{.ascii = bound.flag(0, false), .sort_keys = bound.flag(3, false)};
  if (const Value indent = bound.get(1, None()); !indent.is_none()) style.indent = indention(call, indent);
  if (const Value separators = bound.get(2, None()); !separators.is_none()) {
    const Values both = iterate(call.budget, separators);
    if (both.size() != 2 || both[0].text() == nullptr || both[1].text() == nullptr) {
      fail("tojson needs two strings as separators");
    }
    style.item_separator = *both[0].text();
    style.key_separator = *both[1].text();
  }
  return to_json(call.budget, call.value, style);
}

constexpr std::array<std::pair<std::string_view, Filter>, 10> kFilters = {{{"trim", trim},
                                                                           {"string", string},
                                                                           {"upper", in_case},
                                                                           {"lower", in_case},
                                                                           {"title", in_case},
                                                                           {"capitalize", in_case},
                                                                           {"replace", replace},
                                                                           {"indent", indent},
                                                                           {"format", format},
                                                                           {"tojson", json}}};

}  // namespace

Filter text_filter(std::string_view name) {
  const auto* found =
      std::find_if(kFilters.begin(), kFilters.end(), [&](const auto& entry) { return entry.first == name; });
  return found == kFilters.end() ? nullptr : found->second;
}

}  // namespace bsbr::jinja
