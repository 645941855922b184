#include "engine/tokenizer/merges_file.h"

#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/base/utf8.h"

namespace bsbr {
namespace {

constexpr std::uint64_t kMostBytes = 64u << 20;
constexpr std::string_view kVersion = "#version";

// Takes the first line off `rest`, without its end.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

MergeTable read_merges_file(const std::filesystem::path& path, const Vocabulary& vocabulary) {
  const std::string text = read_text_file(path, kMostBytes);
  MergeTable merges;
  std::string joined;
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = take_line(rest);
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorKind::InvalidFile, cat(path.string(), ":", number, ": ", what));
    };
    if (number == 1 && line.starts_with(kVersion)) continue;
    if (line.empty() && rest.find_first_not_of("\r\n") == std::string_view::npos) break;
    if (!is_valid_utf8(line)) fail("is not valid UTF-8");

    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos) {
      fail(cat(quoted(line), " is not a merge; two tokens with one space between them are expected"));
    }
    const std::string_view left = line.substr(0, space);
    const std::string_view right = line.substr(space + 1);
    joined.assign(left).append(right);
    const auto id = [&](std::string_view token) {
      const auto found = vocabulary.id(token);
      if (!found)
        fail(cat("the merge ", quoted(line), " needs ", quoted(token), ", which is not in ",
                 vocabulary.file().filename().string()));
      return *found;
    };
    if (!merges.add(id(left), id(right), id(joined))) fail(cat("the merge ", quoted(line), " occurs twice"));
  }
  return merges;
}

}  // namespace bsbr
