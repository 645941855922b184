#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

/// What is done to text before it is split: the steps of tokenizer.json's "normalizer", one after the other.
/// Thread-safe.
class Normalizer {
 public:
  using Step = std::function<std::string(std::string_view)>;

  void add(Step step);
  /// Normalization form C, which leaves most texts alone.
  void add_nfc();

  /// Quick; false only if apply() would return the text unchanged.
  [[nodiscard]] bool may_change(std::string_view text) const;
  /// Throws Error(OutOfMemory).
  [[nodiscard]] std::string apply(std::string_view text) const;

 private:
  std::vector<Step> steps_;
  bool only_nfc_ = true;
};

/// The steps that tokenizer.json knows besides Unicode's forms.
std::string lower_case(std::string_view text);  ///< character by character, as Unicode maps each
std::string without_white_ends(std::string_view text, bool left, bool right);
std::string with_prefix(std::string_view text, std::string_view prefix);  ///< empty text stays empty
std::string with_replaced(std::string_view text, std::string_view from, std::string_view to);

}  // namespace bsbr
