#include <algorithm>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/attributes.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/filters.h"
#include "engine/tokenizer/jinja/is_tests.h"

namespace bsbr::jinja {
namespace {

const std::string& name_of(const FilterCall& call, const Value& value) {
  if (value.text() == nullptr) fail(cat("the filter \"", call.name, "\" needs a name"));
  return *value.text();
}

/// What is left of a filter's arguments for the filter or test that it applies.
Arguments after(const Arguments& arguments, std::size_t count) {
  const auto begin = arguments.positional.begin() + static_cast<std::ptrdiff_t>(count);
  return {{begin, arguments.positional.end()}, arguments.named};
}

Value map_attribute(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"attribute", "default"});
  const Value absent = bound.get(1, None());
  Values mapped;
  for (const Value& item : iterate(call.budget, call.value)) {
    Value value = path_value(call.budget, item, bound[0]);
    if (value.is_undefined() && !absent.is_none()) value = absent;
    mapped.push_back(std::move(value));
  }
  return make_iterator(std::move(mapped));
}

Value map(const FilterCall& call) {
  if (!call.value.truth()) return make_iterator({});
  if (call.arguments.positional.empty()) return map_attribute(call);
  const std::string& name = name_of(call, call.arguments.positional[0]);
  const Arguments rest = after(call.arguments, 1);
  Values mapped;
  for (const Value& item : iterate(call.budget, call.value)) {
    mapped.push_back(apply_filter(call.budget, name, item, rest));
  }
  return make_iterator(std::move(mapped));
}

Value select(const FilterCall& call) {
  if (!call.value.truth()) return make_iterator({});
  const bool by_attribute = call.name.ends_with("attr");
  const bool wanted = call.name.starts_with("select");
  const Values& given = call.arguments.positional;
  const std::size_t at = by_attribute ? 1 : 0;
  if (given.size() < at) fail("Missing parameter for attribute name");
  const Arguments rest = after(call.arguments, std::min(given.size(), at + 1));
  Values kept;
  for (const Value& item : iterate(call.budget, call.value)) {
    const Value value = by_attribute ? path_value(call.budget, item, given[0]) : item;
    const bool passes =
        given.size() > at ? passes_test(call.budget, name_of(call, given[at]), value, rest) : value.truth();
    if (passes == wanted) kept.push_back(item);
  }
  return make_iterator(std::move(kept));
}

}  // namespace

Filter element_filter(std::string_view name) {
  if (name == "map") return map;
  const bool selects = name == "select" || name == "reject" || name == "selectattr" || name == "rejectattr";
  return selects ? select : nullptr;
}

}  // namespace bsbr::jinja
