#pragma once

#include <string_view>

#include "engine/tokenizer/jinja/value.h"

namespace bsbr::jinja {

/// Jinja's filters, `value | name(arguments)` (jinja2/filters.py; tojson as transformers has it). Throws
/// Error(Unsupported) for names that are not understood, and Error(InvalidArgument) where Python raises.
Value apply_filter(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments);

/// What a filter is given.
struct FilterCall {
  Budget& budget;
  std::string_view name;
  const Value& value;
  const Arguments& arguments;
};
using Filter = Value (*)(const FilterCall&);

// By what they work on; null for names they do not know.
Filter text_filter(std::string_view name);
Filter list_filter(std::string_view name);
Filter number_filter(std::string_view name);
/// Those that apply a filter or a test to each element.
Filter element_filter(std::string_view name);

/// As Python sorts: by keys, equal ones in their order.
Values sort_by(Budget& budget, const Values& items, const std::function<Value(const Value&)>& key,
               bool reverse);
/// Strings in lower case, others as they are.
Value without_case(Budget& budget, const Value& value);

}  // namespace bsbr::jinja
