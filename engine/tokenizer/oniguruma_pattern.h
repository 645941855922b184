#pragma once

#include <string>
#include <string_view>

namespace bsbr {

/// A regular expression of a tokenizer.json, which is written for Oniguruma's Ruby syntax
/// (https://github.com/kkos/oniguruma, doc/RE), as PCRE2 with UTF and UCP understands it. What both read
/// alike is kept; \s, \w, \h, \v, \uHHHH, `.`, `^`, `$` and {,n} are written out; names in \p{…} that are not
/// general categories are scripts. Throws Error(Unsupported) that names the first thing which the two
/// understand differently and is not written out (e.g. nested classes, inline options other than (?i), back
/// references). PCRE2 itself judges the rest, when the result is compiled.
std::string pcre2_pattern_of(std::string_view oniguruma);

/// A PCRE2 pattern that matches exactly `text`.
std::string pcre2_literal(std::string_view text);

}  // namespace bsbr
