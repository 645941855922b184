#pragma once

#include <string_view>
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
    bool invert = false;  ///< matches count as gaps, and gaps as matches
  };

  explicit PreTokenizer(std::vector<Step> steps) : steps_(std::move(steps)) {}

  class Scan;

 private:
  std::vector<Step> steps_;
};

/// The splits of the tokenizers that are known by a name.
PreTokenizer gpt2_pre_tokenizer();    ///< GPT-2 (encoder.py)
PreTokenizer smollm_pre_tokenizer();  ///< single digits, then as GPT-2
PreTokenizer llama3_pre_tokenizer();  ///< Llama 3, the same as OpenAI's cl100k_base
PreTokenizer qwen2_pre_tokenizer();   ///< as Llama 3, but digits are single

/// One walk over texts; for one thread. The pre-tokenizer must outlive it.
class PreTokenizer::Scan {
 public:
  explicit Scan(const PreTokenizer& splits);

  /// Begins with a text that must be valid UTF-8 and outlive its pieces.
  void start(std::string_view text);

  /// The next piece, empty at the text's end. Throws as SplitPattern::Scan::next.
  std::string_view next();

 private:
  // The walk of one step over one piece of the step before it.
  struct Level {
    SplitPattern::Scan matches;
    SplitBehavior behavior;
    bool invert;
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
