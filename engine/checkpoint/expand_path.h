#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bsbr {

/// $HOME, else the home folder of this user, else "/".
std::filesystem::path home_folder();

/// What Python's os.path.expandvars(os.path.expanduser(text)) gives, as huggingface_hub treats paths in
/// variables: "~" and "~user" at the beginning, then $NAME and ${NAME}. Users and variables that there are
/// not stay as they stand.
std::string expand_path(std::string_view text);

}  // namespace bsbr
