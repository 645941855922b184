#include "engine/checkpoint/expand_path.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace bsbr {
namespace {

std::string expand_user(std::string_view text) {
  if (!text.starts_with('~')) return std::string(text);
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string user(text.substr(1, slash - 1));
  std::string home;
  if (user.empty()) {
    home = home_folder().string();
  } else if (const passwd* const entry = ::getpwnam(user.c_str()); entry != nullptr) {
    home = entry->pw_dir;
  } else {
    return std::string(text);
  }
  while (home.ends_with('/')) home.pop_back();
  home += text.substr(slash);
  return home.empty() ? "/" : home;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// The length of a $NAME or ${NAME} at the beginning of `text`, and the name; 0 if there is none.
std::size_t variable_at(std::string_view text, std::string& name) {
  if (text.starts_with("${")) {
    const std::size_t end = text.find('}');
    if (end == text.npos) return 0;
    name = text.substr(2, end - 2);
    return end + 1;
  }
  const auto end = std::find_if_not(text.begin() + 1, text.end(), is_word);
  name.assign(text.begin() + 1, end);
  return name.empty() ? 0 : name.size() + 1;
}

}  // namespace

std::filesystem::path home_folder() {
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* const user = ::getpwuid(::getuid());
  return user == nullptr ? "/" : user->pw_dir;
}

std::string expand_path(std::string_view text) {
  const std::string path = expand_user(text);
  std::string out;
  for (std::size_t i = 0; i < path.size();) {
    std::string name;
    const std::size_t length = path[i] == '$' ? variable_at(std::string_view(path).substr(i), name) : 0;
    const char* const value = length == 0 ? nullptr : std::getenv(name.c_str());
    const std::size_t taken = std::max<std::size_t>(length, 1);
    out += value == nullptr ? path.substr(i, taken) : std::string(value);
    i += taken;
  }
  return out;
}

}  // namespace bsbr
