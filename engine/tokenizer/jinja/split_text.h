#pragma once

#include <string_view>

#include "engine/tokenizer/jinja/value.h"

namespace bsbr::jinja {

// As Python's str.split() and its siblings, as strings; `most` is how often is split at most.
Values split_left(Budget& budget, std::string_view text, std::string_view separator, std::size_t most);
Values split_right(Budget& budget, std::string_view text, std::string_view separator, std::size_t most);
/// At white space, which is dropped.
Values split_words(Budget& budget, std::string_view text, std::size_t most, bool from_right);
Values split_lines(Budget& budget, std::string_view text, bool keep_ends);

}  // namespace bsbr::jinja
