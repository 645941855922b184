#include "engine/tokenizer/merges_file.h"

#include <array>
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

std::optional<std::string> MergeAdder::add(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
      line.find(' ', space + 1) != std::string_view::npos) {
    return cat(quoted(line), " is not a merge; two tokens with one space between them are expected");
  }
  return add(line.substr(0, space), line.substr(space + 1));
}

std::optional<std::string> MergeAdder::add(std::string_view left, std::string_view right) {
  joined_.assign(left).append(right);
  const auto merge = [&] { return cat("the merge ", quoted(cat(left, " ", right))); };
  const std::array<std::string_view, 3> tokens{left, right, joined_};
  std::array<SymbolId, 3> ids{};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto found = vocabulary_.id(tokens[i]);
    if (!found) {
      return cat(merge(), " needs ", quoted(tokens[i]), ", which is not in ",
                 vocabulary_.file().filename().string());
    }
    ids[i] = *found;
  }
  merges_.add(ids[0], ids[1], ids[2], repeated_);
  return std::nullopt;
}

MergeTable read_merges_file(const std::filesystem::path& path, const Vocabulary& vocabulary) {
  const std::string text = read_text_file(path, kMostBytes);
  MergeTable merges;
  MergeAdder adder(vocabulary, merges);
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = take_line(rest);
    const auto fail = [&](const std::string& what) {
      throw Error(ErrorKind::InvalidFile, cat(path.string(), ":", number, ": ", what));
    };
    if (number == 1 && line.starts_with(kVersion)) continue;
    if (line.empty() && rest.find_first_not_of("\r\n") == std::string_view::npos) break;
    if (!is_valid_utf8(line)) fail("is not valid UTF-8");

    if (const auto wrong = adder.add(line)) fail(*wrong);
  }
  return merges;
}

}  // namespace bsbr
