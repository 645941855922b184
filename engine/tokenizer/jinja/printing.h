#pragma once

#include <optional>
#include <string>

#include "engine/tokenizer/jinja/value.h"

namespace bsbr::jinja {

/// As Python's str(). Throws Error(Unsupported) for what prints an address, as functions do, and for
/// namespaces.
std::string to_text(Budget& budget, const Value& value);
/// As Python's repr(). Throws as to_text does.
std::string to_repr(Budget& budget, const Value& value);
/// A string as it is, without a copy; others as to_text.
Text as_text(Budget& budget, const Value& value);

struct JsonStyle {
  bool ascii = false, sort_keys = false;
  std::optional<std::string> indent = {};  ///< of one level; one line without
  std::optional<std::string> item_separator = {}, key_separator = {};
};
/// As Python's json.dumps(). Throws Error(InvalidArgument) for what JSON cannot hold.
std::string to_json(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace bsbr::jinja
