#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/arithmetic.h"
#include "engine/tokenizer/jinja/attributes.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/printing.h"
#include "engine/tokenizer/jinja/split_text.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

using std::string_view;

struct Call {
  Budget& budget;
  const std::string& text;
  string_view name;
  const Arguments& given;
};
using Method = Value (*)(const Call&);

std::size_t most(std::int64_t count) {
  return count < 0 ? SIZE_MAX : static_cast<std::size_t>(count);
}

Value strip(const Call& call) {
  const Bound bound(call.name, call.given, {""});
  const auto set = bound.text_or_none(0);
  call.budget.bytes(call.text.size(), 1 + (set ? set->size() : 0));
  string_view text = call.text;
  if (call.name != "rstrip") text = strip_left(text, set);
  if (call.name != "lstrip") text = strip_right(text, set);
  return text;
}

Value split(const Call& call) {
  const Bound bound(call.name, call.given, {"sep", "maxsplit"});
  const auto separator = bound.text_or_none(0);
  const std::size_t limit = most(bound.integer(1, -1));
  const bool from_right = call.name == "rsplit";
  if (!separator) return make_list(split_words(call.budget, call.text, limit, from_right));
  if (separator->empty()) fail("empty separator");
  return make_list(from_right ? split_right(call.budget, call.text, *separator, limit)
                              : split_left(call.budget, call.text, *separator, limit));
}

Value splitlines(const Call& call) {
  const Bound bound(call.name, call.given, {"keepends"});
  return make_list(split_lines(call.budget, call.text, bound.flag(0, false)));
}

Value partition(const Call& call) {
  const Bound bound(call.name, call.given, {""});
  const std::string& separator = bound.text(0);
  if (separator.empty()) fail("empty separator");
  const bool from_right = call.name == "rpartition";
  const std::size_t at = from_right ? find_last_text(call.budget, call.text, separator)
                                    : find_text(call.budget, call.text, separator);
  const string_view text = call.text;
  if (at == text.npos) return from_right ? make_tuple({"", "", text}) : make_tuple({text, "", ""});
  return make_tuple({text.substr(0, at), separator, text.substr(at + separator.size())});
}

// Whether the text between two indices, as Python's startswith() and endswith() take them, begins or ends so.
Value starts_or_ends(const Call& call) {
  const Bound bound(call.name, call.given, {"", "", ""});
  const Value part = slice(call.budget, call.text, bound.get(1, None()), bound.get(2, None()), None());
  const string_view text = *part.text();
  const auto matches = [&](const Value& affix) {
    if (affix.text() == nullptr) fail(cat(call.name, " first arg must be str or a tuple of str"));
    call.budget.bytes(affix.text()->size());
    return call.name == "startswith" ? text.starts_with(*affix.text()) : text.ends_with(*affix.text());
  };
  const Sequence* several = bound[0].sequence();
  if (several == nullptr || several->kind != Sequence::Kind::Tuple) return matches(bound[0]);
  return std::any_of(several->items.begin(), several->items.end(), matches);
}

Value find(const Call& call) {
  const Bound bound(call.name, call.given, {"", "", ""});
  if (bound.has(1)) unsupported(cat("uses .", call.name, "() with a start, which is not understood"));
  const bool last = call.name == "rfind" || call.name == "rindex";
  const std::string& part = bound.text(0);
  const std::size_t at =
      last ? find_last_text(call.budget, call.text, part) : find_text(call.budget, call.text, part);
  if (at != std::string::npos) {
    call.budget.bytes(at);
    return static_cast<std::int64_t>(count_characters(string_view(call.text).substr(0, at)));
  }
  if (call.name == "index" || call.name == "rindex") fail("substring not found");
  return std::int64_t{-1};
}

Value count(const Call& call) {
  const Bound bound(call.name, call.given, {"", "", ""});
  if (bound.has(1)) unsupported("uses .count() with a start, which is not understood");
  const std::string& part = bound.text(0);
  if (part.empty()) {
    return static_cast<std::int64_t>(length(call.budget, call.text)) + 1;
  }
  return static_cast<std::int64_t>(split_left(call.budget, call.text, part, SIZE_MAX).size()) - 1;
}

Value replace(const Call& call) {
  const Bound bound(call.name, call.given, {"", "", "count"});
  return replace_text(call.budget, call.text, bound.text(0), bound.text(1), most(bound.integer(2, -1)));
}

Value join(const Call& call) {
  const Bound bound(call.name, call.given, {""});
  std::string out;
  const Values items = iterate(call.budget, bound[0]);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string* text = items[i].text();
    if (text == nullptr) {
      fail(cat("sequence item ", i, ": expected str instance, ", items[i].type_name(), " found"));
    }
    if (i > 0) out += call.text;
    out += *text;
    call.budget.bytes(call.text.size() + text->size());
  }
  return out;
}

Value in_case(const Call& call) {
  const Bound none(call.name, call.given, {});
  call.budget.work(1 + call.text.size() / 4);
  if (call.name == "upper") return upper(call.text);
  if (call.name == "lower") return lower(call.text);
  return call.name == "title" ? title(call.text) : capitalize(call.text);
}

Value is_all(const Call& call) {
  const Bound none(call.name, call.given, {});
  call.budget.work(1 + call.text.size() / 4);
  const auto good = [&](string_view character) {
    const char32_t code = first_character(character).code;
    if (call.name == "isspace") return is_white(code);
    if (code >= 0x80 && call.name != "isalpha")
      unsupported(cat("uses .", call.name, "() of \"", character, "\""));
    const bool digit = call.name != "isalpha" && is_digit(code);
    return digit || ((call.name == "isalpha" || call.name == "isalnum") && is_letter(code));
  };
  const auto characters = split_characters(call.text);
  return !characters.empty() && std::all_of(characters.begin(), characters.end(), good);
}

Value is_case(const Call& call) {
  const Bound none(call.name, call.given, {});
  call.budget.work(1 + call.text.size() / 2);
  const std::string up = upper(call.text);
  const std::string low = lower(call.text);
  return call.text == (call.name == "isupper" ? up : low) && up != low;
}

Value remove_affix(const Call& call) {
  const Bound bound(call.name, call.given, {""});
  string_view text = call.text;
  const std::string& affix = bound.text(0);
  call.budget.bytes(text.size());
  if (call.name == "removeprefix") {
    if (text.starts_with(affix)) text.remove_prefix(affix.size());
  } else if (text.ends_with(affix)) {
    text.remove_suffix(affix.size());
  }
  return text;
}

Value pad(const Call& call) {
  const Bound bound(call.name, call.given, {"", ""});
  if (call.name == "zfill" && bound.has(1)) fail("zfill() takes exactly one argument (2 given)");
  const std::string fill = call.name == "zfill" ? "0" : bound.has(1) ? bound.text(1) : " ";
  if (count_characters(fill) != 1) fail("The fill character must be exactly one character long");
  const std::int64_t width = bound[0].integer();
  const auto size = static_cast<std::int64_t>(length(call.budget, call.text));
  if (width <= size) return call.text;
  const auto missing = static_cast<std::uint64_t>(width - size);
  call.budget.bytes(missing, fill.size());
  std::string padding;
  for (std::uint64_t i = 0; i < missing; ++i) padding += fill;
  if (call.name == "ljust") return call.text + padding;
  const bool sign = call.name == "zfill" && (call.text.starts_with('-') || call.text.starts_with('+'));
  return sign ? call.text.substr(0, 1) + padding + call.text.substr(1) : padding + call.text;
}

Value format(const Call& call) {
  return brace_format(call.budget, call.text, call.given);
}

struct Entry {
  string_view name;
  Method method;
};
constexpr std::array<Entry, 35> kMethods = {{{"strip", strip},
                                             {"lstrip", strip},
                                             {"rstrip", strip},
                                             {"split", split},
                                             {"rsplit", split},
                                             {"splitlines", splitlines},
                                             {"partition", partition},
                                             {"rpartition", partition},
                                             {"startswith", starts_or_ends},
                                             {"endswith", starts_or_ends},
                                             {"find", find},
                                             {"rfind", find},
                                             {"index", find},
                                             {"rindex", find},
                                             {"count", count},
                                             {"replace", replace},
                                             {"join", join},
                                             {"upper", in_case},
                                             {"lower", in_case},
                                             {"title", in_case},
                                             {"capitalize", in_case},
                                             {"isspace", is_all},
                                             {"isalpha", is_all},
                                             {"isdigit", is_all},
                                             {"isnumeric", is_all},
                                             {"isdecimal", is_all},
                                             {"isalnum", is_all},
                                             {"isupper", is_case},
                                             {"islower", is_case},
                                             {"removeprefix", remove_affix},
                                             {"removesuffix", remove_affix},
                                             {"zfill", pad},
                                             {"ljust", pad},
                                             {"rjust", pad},
                                             {"format", format}}};

constexpr std::array<string_view, 11> kOthers = {"casefold",  "center",       "encode",      "expandtabs",
                                                 "isascii",   "isidentifier", "isprintable", "istitle",
                                                 "maketrans", "swapcase",     "translate"};

}  // namespace

Value string_method(Budget& budget, const Text& text, const std::string& name) {
  const auto* found =
      std::find_if(kMethods.begin(), kMethods.end(), [&](const Entry& entry) { return entry.name == name; });
  if (found != kMethods.end()) {
    return make_function(name, [&budget, text, entry = *found](const Arguments& given) {
      return entry.method({budget, *text, entry.name, given});
    });
  }
  if (name == "format_map" || std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) {
    unsupported(cat("uses .", name, " of a string, which is not understood"));
  }
  return {};
}

}  // namespace bsbr::jinja
