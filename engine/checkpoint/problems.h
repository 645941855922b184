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

/// The same of names that come from files: each in quotes.
std::string list_quoted(const std::vector<std::string>& names, std::size_t most = 10);

/// Collects what is wrong with one file, so that a person sees all of it at once. Keeps the first ten texts
/// and a count of the rest. Not thread-safe.
class Problems {
 public:
  explicit Problems(std::filesystem::path where) : where_(std::move(where)) {}

  void add(std::string text, ErrorKind kind = ErrorKind::InvalidFile);
  /// The same of a tensor; what several of them share is told once, with their number and the first names.
  void add_tensor(std::string_view name, const std::string& cause, ErrorKind kind = ErrorKind::InvalidFile);
  [[nodiscard]] bool any() const noexcept { return count_ > 0; }
  [[nodiscard]] bool all_unsupported() const noexcept { return all_unsupported_; }
  /// Throws one Error, of one line, naming the file and every problem if there is any. Its kind is
  /// Unsupported if all problems are, else InvalidFile. `advice`, if not empty, ends the message.
  void throw_if_any(std::string_view advice = {}) const;

 private:
  struct Entry {
    std::string text;
    std::vector<std::string> names;  ///< of tensors, the first ones
    std::size_t tensors;             ///< 0: the text is not of tensors
  };
  static std::string text_of(const Entry& entry);

  std::filesystem::path where_;
  std::vector<Entry> entries_;
  std::size_t count_ = 0;
  bool all_unsupported_ = true;
};

}  // namespace bsbr
