#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/split_pattern.h"

namespace bsbr {

/// What a pre-tokenizer does with the matches of its pattern and the gaps between them; the names are those
/// of tokenizer.json.
enum class SplitBehavior {
  Isolated,            ///< each match and each gap is a piece
  Removed,             ///< gaps only
  MergedWithPrevious,  ///< a match joins the gap that it follows
  MergedWithNext,      ///< a match joins the gap that follows it
  Contiguous,          ///< matches next to each other are one piece
};

/// Cuts text into the pieces which BPE then encodes one by one: each step cuts every piece of the step before
/// it, and sees nothing beyond that piece. Without steps the text is one piece. Thread-safe; movable.
class PreTokenizer {
 public:
  struct Step {
    SplitPattern pattern;
    SplitBehavior behavior = SplitBehavior::Isolated;
    bool invert = false;        ///< matches count as gaps, and gaps as matches
    bool prefix_space = false;  ///< a space is put before a piece that begins with none, then it is cut
  };

  explicit PreTokenizer(std::vector<Step> steps) : steps_(std::move(steps)) {}

  /// Whether pieces may hold spaces that the text has not, and so lie elsewhere.
  [[nodiscard]] bool adds_spaces() const;

  class Scan;

 private:
  std::vector<Step> steps_;
};

/// The last step of a byte-level tokenizer (ByteLevel in tokenizer.json), as it acts on pieces: GPT-2's
/// split, if `gpt2_split`, after a space was put before them, if `prefix_space`. Adds nothing if there is
/// nothing to do.
void add_byte_level(std::vector<PreTokenizer::Step>& steps, bool prefix_space, bool gpt2_split);

/// One walk over texts; for one thread. The pre-tokenizer must outlive it.
class PreTokenizer::Scan {
 public:
  explicit Scan(const PreTokenizer& splits);

  /// Begins with a text that must be valid UTF-8 and outlive its pieces; those with a space
  /// put before them last until the next call.
  void start(std::string_view text);

  /// The next piece, empty at the text's end. Throws as SplitPattern::Scan::next.
  std::string_view next();

 private:
  // The walk of one step over one piece of the step before it.
  struct Level {
    SplitPattern::Scan matches;
    SplitBehavior behavior;
    bool invert, prefix_space;
    std::string spaced = {};      // the text with a space before it, where the step puts one
    std::string_view ahead = {};  // the match or gap after the piece given out last; empty at the end
    bool ahead_is_match = false;
  };
  static void start(Level& level, std::string_view text);
  static void advance(Level& level);
  static std::string_view next(Level& level);

  std::vector<Level> levels_;
  std::string_view whole_;  // the text, if there are no steps
};

}  // namespace bsbr
