#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace bsbr {

/// GPT-2's split pattern (encoder.py) for PCRE2. \s is written out as Unicode's White_Space, because PCRE2's
/// \s has U+180E as well; runs are possessive, so that their length costs no stack.
extern const std::string_view kGpt2Split;

/// A regular expression that cuts text into the pieces which BPE then encodes one by one. What lies between
/// two matches is a piece too, so the pieces joined are the text. Thread-safe; movable.
class SplitPattern {
 public:
  enum class Engine { JitIfPossible, Interpreter };

  /// Compiles `pattern` (PCRE2 syntax, UTF, Unicode properties).
  /// Throws Error(Unsupported) that says where PCRE2 does not understand it.
  explicit SplitPattern(std::string_view pattern, Engine engine = Engine::JitIfPossible);

  class Scan;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

/// One walk over texts; for one thread. The pattern may go away before the walk ends.
class SplitPattern::Scan {
 public:
  explicit Scan(const SplitPattern& pattern);
  Scan(Scan&&) noexcept;
  Scan& operator=(Scan&&) noexcept;
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;
  ~Scan();

  /// Begins with a text that must be valid UTF-8 and outlive its pieces.
  void start(std::string_view text) noexcept;

  /// The next piece, empty at the text's end. Throws Error(Unsupported) if matching runs into PCRE2's limits.
  std::string_view next();

  /// Whether the piece that next() gave last is a match, not a gap.
  [[nodiscard]] bool is_match() const noexcept { return is_match_; }

 private:
  struct State;
  void match();

  std::unique_ptr<State> state_;
  std::string_view text_;
  std::size_t at_ = 0;           // where the next piece begins
  std::size_t match_begin_ = 0;  // the match found last, at or after at_; match_end_ == at_ if it is used up
  std::size_t match_end_ = 0;
  bool is_match_ = false;
};

}  // namespace bsbr
