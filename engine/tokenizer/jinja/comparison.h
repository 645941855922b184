#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "engine/tokenizer/jinja/value.h"

/// Python's ==, < and in, and what it iterates over. Throw Error(InvalidArgument) where Python raises.
namespace bsbr::jinja {

bool equal(Budget& budget, const Value& a, const Value& b);
bool less(Budget& budget, const Value& a, const Value& b);
/// `item in container`.
bool contains(Budget& budget, const Value& container, const Value& item);
/// "==", "!=", "<", "<=", ">", ">=", "in" and "not in".
bool compare(Budget& budget, const Value& a, std::string_view operation, const Value& b);

/// What iterating gives: the elements of lists, keys of dictionaries, characters of strings; nothing of what
/// is undefined. Generators are used up by it.
Values iterate(Budget& budget, const Value& value);
/// Says of a generator that it was not read to its end, after iterate().
void leave_partly_read(const Value& value);
/// As Python's len(); in characters for strings.
std::size_t length(Budget& budget, const Value& value);

/// The value under a key, or null.
const Value* find_key(Budget& budget, const Dict& dict, const Value& key);
const Value* find_key(Budget& budget, const Dict& dict, std::string_view key);
/// Sets a key of entries that become a dictionary.
void set_key(Budget& budget, std::vector<std::pair<Value, Value>>& entries, const Value& key, Value value);

}  // namespace bsbr::jinja
