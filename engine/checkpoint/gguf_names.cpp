#include "engine/checkpoint/gguf_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <utility>

#include "engine/checkpoint/part_name.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// The name without folders, number of part and ending.
std::string_view stem_of(std::string_view file, std::string& room) {
  if (const auto part = parse_part_name(file, kGgufEnding)) {
    room = part->stem;
    return room;
  }
  if (file.ends_with(kGgufEnding)) file.remove_suffix(kGgufEnding.size());
  return file;
}

bool is_companion(std::string_view file) {
  static constexpr std::array<std::string_view, 2> kNames{"mmproj", "imatrix"};
  const std::string name = lower(file.substr(file.rfind('/') + 1));
  return std::ranges::any_of(kNames, [&](std::string_view other) { return name.find(other) != name.npos; });
}

/// `word` stands in `text` with a mark or an end at both sides. "Q4_K" does not stand in "Q4_K_M".
bool stands_in(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || std::string_view("-._/ ").find(text[at - 1]) != std::string_view::npos;
    const bool ends =
        end == text.size() || std::string_view("-./ ").find(text[end]) != std::string_view::npos;
    if (begins && ends) return true;
  }
  return false;
}

}  // namespace

std::vector<GgufFiles> group_gguf_files(std::vector<std::string> names) {
  if (!std::ranges::all_of(names, is_companion)) std::erase_if(names, is_companion);
  std::ranges::sort(names);
  std::vector<GgufFiles> models;
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> split;
  for (std::string& name : names) {
    const auto part = parse_part_name(name, kGgufEnding);
    if (!part) {
      models.push_back({std::move(name)});
      continue;
    }
    const auto [at, fresh] = split.try_emplace({part->stem, part->count}, models.size());
    if (fresh) models.emplace_back();
    models[at->second].push_back(std::move(name));
  }
  return models;
}

std::vector<GgufFiles> of_quantisation(const std::vector<GgufFiles>& models, std::string_view quantisation) {
  const std::string word = lower(quantisation);
  std::vector<GgufFiles> by_stem, by_path;
  for (const GgufFiles& files : models) {
    std::string room;
    const std::string path = lower(stem_of(files.front(), room));
    const std::string_view stem = std::string_view(path).substr(path.rfind('/') + 1);
    if (stands_in(path, word)) by_path.push_back(files);
    if (stands_in(stem, word)) by_stem.push_back(files);
  }
  return by_stem.empty() ? by_path : by_stem;
}

GgufFiles choose_quantisation(const std::vector<GgufFiles>& models, std::string_view quantisation,
                              const std::string& owner) {
  constexpr std::size_t kMostNamed = 20;
  std::vector<GgufFiles> found = of_quantisation(models, quantisation);
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) {
    throw Error(ErrorKind::NotFound,
                cat(owner, ": has no GGUF file of the quantisation ", quantisation,
                    models.empty() ? "; it has no GGUF files at all"
                                   : "; it has " + list_names(first_files(models), kMostNamed)));
  }
  throw Error(ErrorKind::InvalidArgument,
              cat(owner, ": has several GGUF files of the quantisation ", quantisation, ": ",
                  list_names(first_files(found), kMostNamed), "; give one of them in its place"));
}

std::vector<std::string> first_files(const std::vector<GgufFiles>& models) {
  std::vector<std::string> names;
  names.reserve(models.size());
  for (const GgufFiles& files : models) names.push_back(files.front());
  return names;
}

}  // namespace bsbr
