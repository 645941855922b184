#pragma once

#include <string_view>

namespace bsbr::jinja {

/// What a character becomes in the other case, where that is more than one (Unicode's SpecialCasing.txt);
/// empty for all others.
std::u32string_view special_upper(char32_t code);
std::u32string_view special_title(char32_t code);

/// Unicode's properties Cased and Case_Ignorable.
bool is_cased(char32_t code);
bool is_case_ignorable(char32_t code);

}  // namespace bsbr::jinja
