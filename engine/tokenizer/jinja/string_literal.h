#pragma once

#include <string>
#include <string_view>

namespace bsbr::jinja {

/// What stands between the quotes of a string in a template, with Python's escapes replaced. Throws
/// Error(InvalidFile) for escapes that are cut short, and Error(Unsupported) for \N{…} and surrogates.
std::string string_literal(std::string_view source);

}  // namespace bsbr::jinja
