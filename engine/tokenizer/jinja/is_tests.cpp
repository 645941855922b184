#include "engine/tokenizer/jinja/is_tests.h"

#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/arithmetic.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/printing.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

struct Entry {
  std::string_view name;
  bool (*passes)(const Value&);
};

bool is_sequence(const Value& value) {
  const Sequence* list = value.sequence();
  if (list != nullptr) return list->kind != Sequence::Kind::View && list->kind != Sequence::Kind::Iterator;
  return value.text() != nullptr || value.dict() != nullptr || value.is_undefined();
}

bool is_iterable(const Value& value) {
  return value.sequence() != nullptr || value.text() != nullptr || value.dict() != nullptr ||
         value.is_undefined() || value.loop() != nullptr;
}

constexpr std::array<Entry, 13> kOfValues = {{
    {"defined", [](const Value& value) { return !value.is_undefined(); }},
    {"undefined", [](const Value& value) { return value.is_undefined(); }},
    {"none", [](const Value& value) { return value.is_none(); }},
    {"string", [](const Value& value) { return value.text() != nullptr; }},
    {"number", [](const Value& value) { return value.is_number(); }},
    {"integer", [](const Value& value) { return value.is_integer() && !value.is_bool(); }},
    {"float", [](const Value& value) { return value.get<double>() != nullptr; }},
    {"boolean", [](const Value& value) { return value.is_bool(); }},
    {"true", [](const Value& value) { return value.is_bool() && value.truth(); }},
    {"false", [](const Value& value) { return value.is_bool() && !value.truth(); }},
    {"mapping", [](const Value& value) { return value.dict() != nullptr; }},
    {"iterable", is_iterable},
    {"sequence", is_sequence},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kComparisons = {{{"==", "=="},
                                                                                         {"eq", "=="},
                                                                                         {"equalto", "=="},
                                                                                         {"!=", "!="},
                                                                                         {"ne", "!="},
                                                                                         {">", ">"},
                                                                                         {"gt", ">"},
                                                                                         {"greaterthan", ">"},
                                                                                         {">=", ">="},
                                                                                         {"ge", ">="},
                                                                                         {"<", "<"},
                                                                                         {"lt", "<"},
                                                                                         {"lessthan", "<"},
                                                                                         {"<=", "<="},
                                                                                         {"le", "<="},
                                                                                         {"in", "in"}}};

bool same(const Value& a, const Value& b) {
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_bool() || b.is_bool()) return a.is_bool() && b.is_bool() && a.truth() == b.truth();
  if (a.name_space() != nullptr) return a.name_space() == b.name_space();
  unsupported("uses the test \"sameas\" with what is not True, False or None");
}

bool has_case(Budget& budget, std::string_view name, const Value& value) {
  const std::string text = to_text(budget, value);
  budget.bytes(4 * text.size());
  const std::string up = upper(text);
  const std::string low = lower(text);
  return up != low && text == (name == "upper" ? up : low);
}

bool divides(Budget& budget, const Value& value, const Value& by) {
  return equal(budget, arithmetic(budget, value, "%", by), std::int64_t{0});
}

}  // namespace

bool passes_test(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments) {
  const auto* of_value =
      std::find_if(kOfValues.begin(), kOfValues.end(), [&](const Entry& e) { return e.name == name; });
  if (of_value != kOfValues.end()) {
    const Bound none(name, arguments, {});
    return of_value->passes(value);
  }
  const auto* comparison =
      std::find_if(kComparisons.begin(), kComparisons.end(), [&](const auto& e) { return e.first == name; });
  if (comparison != kComparisons.end()) {
    const Bound bound(name, arguments, {""});
    return compare(budget, value, comparison->second, bound[0]);
  }
  if (name == "callable")
    return value.function() != nullptr || value.is_undefined() || value.loop() != nullptr;
  if (name == "odd") return equal(budget, arithmetic(budget, value, "%", std::int64_t{2}), std::int64_t{1});
  if (name == "even") return divides(budget, value, std::int64_t{2});
  if (name == "upper" || name == "lower") return has_case(budget, name, value);
  const Bound bound(name, arguments, {""});
  if (name == "divisibleby") return divides(budget, value, bound[0]);
  if (name == "sameas") return same(value, bound[0]);
  unsupported(cat("uses the test \"", name, "\", which is not understood"));
}

}  // namespace bsbr::jinja
