#pragma once

#include <string>
#include <string_view>

#include "engine/tokenizer/jinja/value.h"

namespace bsbr::jinja {

/// Python's + - * / // % and **. Throws Error(InvalidArgument) where Python raises, and Error(Unsupported)
/// for integers beyond 64 bits.
Value arithmetic(Budget& budget, const Value& a, std::string_view operation, const Value& b);
Value negative(const Value& value);

/// Python's `format % values`, with %s, %r, %d, %i, %f and %%; `values` is a tuple, a dictionary or one
/// value.
std::string percent_format(Budget& budget, std::string_view format, const Value& values);
/// Python's str.format() with {}, {0} and {name}.
std::string brace_format(Budget& budget, std::string_view format, const Arguments& values);

}  // namespace bsbr::jinja
