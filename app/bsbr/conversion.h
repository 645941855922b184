#pragma once

#include <optional>
#include <string>
#include <utility>

#include "app/bsbr/options.h"
#include "app/bsbr/terminal.h"
#include "engine/attention/bsbr_config.h"
#include "engine/conversion/planner.h"
#include "engine/model/language_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr::cli {

/// The options of a conversion, and the conversion itself.
struct Conversion {
  BsbrConfig bsbr;
  std::optional<std::int64_t> retrieve;
  std::optional<double> density, quality;
  std::string calibrate;
  std::int64_t calibration_tokens = 4096;

  /// Adds the sizes, --density, --quality, --retrieve, --states-only, --calibrate and --calibration-tokens.
  /// None of them goes with `excluded`.
  void add_to(const Command& command, const Option* excluded = nullptr);
  /// Adds only the last two.
  std::pair<Option, Option> add_calibration_to(const Command& command);
  /// Throws Error(InvalidArgument) for sizes that a model of `context` positions cannot have.
  void validate(std::int64_t context) const;

  /// What to plan from and to check on, and the name of the first. Throws Error.
  struct Texts {
    PlanTexts texts;
    std::string source;
  };
  [[nodiscard]] Texts texts(Terminal& terminal, const Tokenizer& tokenizer, const ModelConfig& config) const;
  /// Whether a plan is made, so that texts are wanted: not for --retrieve and --states-only.
  [[nodiscard]] bool plans() const { return !retrieve && !bsbr.states_only; }
  /// The texts where they are wanted. Throws Error.
  [[nodiscard]] std::optional<Texts> wanted_texts(Terminal& terminal, const Tokenizer& tokenizer,
                                                  const ModelConfig& config) const;

  /// A plan for the model, made from the first of the texts and checked on the second; without texts every
  /// head gets the same. Shows progress.
  struct Result {
    BsbrConfig config;
    std::optional<Plan> plan;         ///< where one was made
    std::string text;                 ///< what it was made from
    std::vector<TokenId> check_text;  ///< what it was checked on
  };
  [[nodiscard]] Result plan(Terminal& terminal, const LanguageModel& original,
                            std::optional<Texts> from) const;

  /// What the original is held against: the converted checkpoint `path`, or where that is empty a conversion
  /// in memory, as plan() makes it. Throws Error(InvalidArgument) for a checkpoint that is no conversion of
  /// the original.
  [[nodiscard]] LanguageModel counterpart(Terminal& terminal, const LanguageModel& original,
                                          std::optional<Texts> from, const std::string& path,
                                          const std::string& device,
                                          const std::string& dtype = "float32") const;
};

/// "retrieve 512", "states only", or "a plan for each head".
std::string plan_words(const BsbrConfig& config);

/// The start of the bundled sample in the tokens of a checkpoint, `most` at most; nothing where it has no
/// tokenizer that can be used.
std::vector<TokenId> sample_tokens(const Checkpoint& checkpoint, const ModelConfig& config,
                                   std::int64_t most);

/// A line on what a conversion kept of the original on a text.
std::string fidelity_line(const Fidelity& check);
/// A line on recall, where a plan was checked for it; else empty.
std::string recall_line(const Plan& plan);

}  // namespace bsbr::cli
