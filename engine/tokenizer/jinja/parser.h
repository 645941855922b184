#pragma once

#include <string_view>

#include "engine/tokenizer/jinja/ast.h"

namespace bsbr::jinja {

/// Parses a template as Jinja 3.1 does, with the extensions that transformers gives it: break, continue and
/// generation. Throws Error(InvalidFile) with the line for what Jinja does not accept, and Error(Unsupported)
/// that names what it does and this does not: templates that include or extend others, recursive loops.
Body parse(std::string_view source);

}  // namespace bsbr::jinja
