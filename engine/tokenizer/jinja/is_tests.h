#pragma once

#include <string_view>

#include "engine/tokenizer/jinja/value.h"

namespace bsbr::jinja {

/// Jinja's tests, `value is name(arguments)` (jinja2/tests.py). Throws Error(Unsupported) for names that are
/// not understood, and Error(InvalidArgument) where Python raises.
bool passes_test(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments);

}  // namespace bsbr::jinja
