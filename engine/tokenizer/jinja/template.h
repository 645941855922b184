#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/value.h"

namespace bsbr::jinja {

using Variables = std::map<std::string, Value, std::less<>>;

/// A Jinja template as chat templates are written (https://jinja.palletsprojects.com, version 3.1), run as
/// transformers runs it: trim_blocks, lstrip_blocks, the immutable sandbox, its tojson, raise_exception and
/// strftime_now. What it is not able to do, it refuses; what a template may use of time and memory is bounded
/// (budget.h). Thread-safe; cheap to copy.
class Template {
 public:
  /// `where` begins messages. Throws Error(InvalidFile) for what Jinja does not accept, and
  /// Error(Unsupported).
  Template(std::string_view source, std::string where);

  /// `now` is what strftime_now() writes, in local time. Throws Error(InvalidArgument) where Jinja or
  /// raise_exception() would raise, and Error(Unsupported).
  [[nodiscard]] std::string render(const Variables& variables, std::time_t now) const;

 private:
  std::shared_ptr<const Body> body_;
  std::string where_;
  std::size_t size_;
};

}  // namespace bsbr::jinja
