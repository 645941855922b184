#pragma once

#include <string>
#include <string_view>

namespace bsbr {

/// `text` fit for one line of a terminal: control characters (C0, DEL and C1 of ISO 6429), line separators,
/// characters that turn the direction of what follows, and bytes that are not UTF-8 become \xNN, byte by
/// byte. Everything else stays as it is.
std::string printable(std::string_view text);

}  // namespace bsbr
