#pragma once

#include <string>
#include <string_view>

#include "engine/tokenizer/jinja/value.h"

/// How Jinja's immutable sandbox (jinja2/sandbox.py) reads parts of values.
namespace bsbr::jinja {

/// `object.name`: an attribute or method, else the item of that name, else undefined. What would change the
/// object is undefined too. Throws Error(InvalidArgument) if the object is undefined, and Error(Unsupported)
/// for attributes of Python that are not understood.
Value attribute(Budget& budget, const Value& object, const std::string& name);
/// `object[key]`: the item, else the attribute of that name, else undefined. Throws as attribute() does.
Value item(Budget& budget, const Value& object, const Value& key);
/// `object[start:stop:step]` of strings and sequences; None where a bound is left out.
Value slice(Budget& budget, const Value& object, const Value& start, const Value& stop, const Value& step);

/// A method of a string, bound to it; undefined if there is none of that name.
Value string_method(Budget& budget, const Text& text, const std::string& name);

/// The value at a dotted path such as "function.name" or "0", as filters' `attribute` has it.
Value path_value(Budget& budget, const Value& object, const Value& path);

}  // namespace bsbr::jinja
