#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>

#include "engine/tokenizer/jinja/value.h"

namespace bsbr::jinja {

/// The arguments of a call by what they are for, as Python binds them.
class Bound {
 public:
  /// `names`: in their order; "" is one that cannot be given by name. Throws Error(InvalidArgument) for too
  /// many, unknown names and what is given twice.
  Bound(std::string_view function, const Arguments& arguments, std::initializer_list<std::string_view> names);

  [[nodiscard]] bool has(std::size_t index) const { return given_[index].has_value(); }
  /// Throws Error(InvalidArgument) if it is not given.
  [[nodiscard]] const Value& operator[](std::size_t index) const;
  [[nodiscard]] Value get(std::size_t index, const Value& absent) const {
    return has(index) ? *given_[index] : absent;
  }
  [[nodiscard]] bool flag(std::size_t index, bool absent) const {
    return has(index) ? given_[index]->truth() : absent;
  }
  [[nodiscard]] std::int64_t integer(std::size_t index, std::int64_t absent) const {
    return has(index) ? given_[index]->integer() : absent;
  }
  /// Throws Error(InvalidArgument) if it is not given, or no string.
  [[nodiscard]] const std::string& text(std::size_t index) const;
  /// Nothing if it is not given, or None.
  [[nodiscard]] std::optional<std::string_view> text_or_none(std::size_t index) const;

 private:
  std::string_view function_;
  std::vector<std::optional<Value>> given_;
};

}  // namespace bsbr::jinja
