#include "engine/tokenizer/jinja/arguments.h"

#include <algorithm>

namespace bsbr::jinja {

Bound::Bound(std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> names)
    : function_(function), given_(names.size()) {
  if (arguments.positional.size() > names.size()) {
    fail(cat(function, "() takes at most ", names.size(), " arguments (", arguments.positional.size(),
             " given)"));
  }
  std::copy(arguments.positional.begin(), arguments.positional.end(), given_.begin());
  for (const auto& [name, value] : arguments.named) {
    const auto* found = std::find(names.begin(), names.end(), std::string_view(name));
    if (found == names.end() || name.empty()) {
      fail(cat(function, "() got an unexpected keyword argument '", name, "'"));
    }
    auto& slot = given_[static_cast<std::size_t>(found - names.begin())];
    if (slot) fail(cat(function, "() got multiple values for argument '", name, "'"));
    slot = value;
  }
}

const Value& Bound::operator[](std::size_t index) const {
  if (!given_[index]) fail(cat(function_, "() misses an argument"));
  return *given_[index];
}

const std::string& Bound::text(std::size_t index) const {
  const Value& value = (*this)[index];
  require_defined(value);
  if (value.text() == nullptr) fail(cat(function_, "() needs a string where it has a ", value.type_name()));
  return *value.text();
}

std::optional<std::string_view> Bound::text_or_none(std::size_t index) const {
  if (!has(index) || given_[index]->is_none()) return std::nullopt;
  return text(index);
}

}  // namespace bsbr::jinja
