#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "engine/base/json_file.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

/// The checkpoints that the tests of the command line use, and changes to them.
namespace bsbr::test {

inline const std::filesystem::path kDemo = in_repository("resources/demo");
inline const std::filesystem::path kSample = kDemo / "sample.txt";

inline std::filesystem::path golden_checkpoint(const std::string& name) {
  return in_golden(name);
}

/// An input from the field that went wrong; its expected.txt says what is right.
inline std::filesystem::path case_checkpoint(const std::string& name) {
  return in_repository("tests/cases/" + name);
}

inline std::set<std::string> keys(const nlohmann::json& object) {
  std::set<std::string> names;
  for (const auto& [key, value] : object.items()) names.insert(key);
  return names;
}

/// How many files an export carries for transformers.
inline const std::filesystem::path kPython = in_repository("resources/python/export");
inline std::size_t python_file_count() {
  const std::filesystem::directory_iterator files(kPython);
  return static_cast<std::size_t>(
      std::ranges::count_if(files, [](const auto& entry) { return entry.path().extension() == ".py"; }));
}

/// A writable copy, without what golden folders hold besides the checkpoint.
inline std::filesystem::path copy_checkpoint(const std::filesystem::path& from,
                                             const std::filesystem::path& to) {
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    if (entry.path().filename() == "golden.safetensors") continue;
    write_file(to / entry.path().filename(), content(entry.path()));
  }
  return to;
}

/// Every entry below a folder, by its relative path, with the content of files.
inline std::map<std::string, std::string> tree(const std::filesystem::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    all[name] = entry.is_symlink()        ? "link to " + std::filesystem::read_symlink(entry.path()).string()
                : entry.is_regular_file() ? content(entry.path())
                                          : "folder";
  }
  return all;
}

/// Changes config.json: every key of `changes` is set, or removed where it is null.
inline void change_config(const std::filesystem::path& folder, const nlohmann::json& changes) {
  nlohmann::json config = read_json_object(folder / "config.json");
  for (const auto& [key, value] : changes.items()) {
    if (value.is_null()) {
      config.erase(key);
    } else {
      config[key] = value;
    }
  }
  write_file(folder / "config.json", config.dump(2));
}

}  // namespace bsbr::test
