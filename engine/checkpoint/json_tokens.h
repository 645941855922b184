#pragma once

#include <filesystem>
#include <string_view>

namespace bsbr {

/// A first look at the JSON text of a file's header, before it is parsed. The parser buffers a whole token,
/// and the blanks before it, and takes a zero byte for the end of the text. So strings of more than 4 MiB,
/// other tokens and runs of blanks of more than 64 KiB, and zero bytes are refused here: throws
/// Error(InvalidFile) naming `path`.
void check_json_tokens(std::string_view text, const std::filesystem::path& path);

}  // namespace bsbr
