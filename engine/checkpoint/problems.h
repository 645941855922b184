#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace bsbr {

/// `text` in double quotes, fit for a message: control characters escaped, cut after about 100 bytes.
std::string in_quotes(std::string_view text);

/// "a", "a and b", "a, b and 7 more": at most `most` names (at least 1 is shown).
std::string list_names(const std::vector<std::string>& names, std::size_t most = 10);

/// Collects what is wrong with one file, so that a person sees all of it at once. Keeps the first ten texts
/// and a count of the rest. Not thread-safe.
class Problems {
 public:
  explicit Problems(std::filesystem::path where) : where_(std::move(where)) {}

  void add(std::string text, ErrorKind kind = ErrorKind::InvalidFile);
  [[nodiscard]] bool any() const noexcept { return count_ > 0; }
  /// Throws one Error naming the file and every problem if there is any. Its kind is Unsupported if all
  /// problems are, else InvalidFile. `advice`, if not empty, ends the message.
  void throw_if_any(std::string_view advice = {}) const;

 private:
  std::filesystem::path where_;
  std::vector<std::string> texts_;
  std::size_t count_ = 0;
  bool all_unsupported_ = true;
};

}  // namespace bsbr
