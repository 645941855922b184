#pragma once

#include <cstddef>
#include <string_view>

namespace bsbr {

/// Length in bytes of the white space (Unicode's White_Space) that UTF-8 text begins or ends with.
std::size_t white_at_start(std::string_view text);
std::size_t white_at_end(std::string_view text);

}  // namespace bsbr
