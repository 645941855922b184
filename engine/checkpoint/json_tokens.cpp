#include "engine/checkpoint/json_tokens.h"

#include <cstddef>

#include "engine/base/error.h"

namespace bsbr {
namespace {

constexpr std::size_t kMaxString = 4u << 20;
constexpr std::size_t kMaxOther = 64u << 10;

}  // namespace

void check_json_tokens(std::string_view text, const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::InvalidFile, cat(path.string(), ": ", what));
  };
  bool in_string = false;
  std::size_t start = 0;
  const char* const bytes = text.data();
  for (std::size_t i = 0, size = text.size(); i < size; ++i) {
    const char c = bytes[i];
    if (c == '\0') fail(cat("byte ", i, " of its header is zero; JSON has no such bytes"));
    if (const std::size_t most = in_string ? kMaxString : kMaxOther; i - start > most) {
      fail(cat("its header has a token of more than ", most, " bytes at byte ", start));
    }
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
      start = i;
    } else if (!in_string && (c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':')) {
      start = i;
    }
  }
}

}  // namespace bsbr
