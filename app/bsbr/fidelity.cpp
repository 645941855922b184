#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/comparison_report.h"
#include "app/bsbr/conversion.h"
#include "app/bsbr/fidelity_report.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"

namespace bsbr::cli {
namespace {

/// Of the default lengths.
constexpr std::int64_t kShortest = 1024;

struct FidelityCommand {
  explicit FidelityCommand(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  Conversion conversion;
  std::string checkpoint, converted, text;
  std::vector<std::int64_t> lengths;
  PassageOptions options;
  int trials = 5;

  /// Those asked for, in order; else 1,024 tokens and its doubles, above --from, as far as text and context
  /// go.
  [[nodiscard]] std::vector<std::int64_t> chosen_lengths(const std::vector<TokenId>& tokens,
                                                         const ModelConfig& config,
                                                         const std::string& source) const {
    if (options.passages < 1)
      throw Error(ErrorKind::InvalidArgument, cat("--passages is ", options.passages, "; legal: 1 or more"));
    if (trials < 0)
      throw Error(ErrorKind::InvalidArgument, cat("--trials is ", trials, "; legal: 0 or more"));
    std::vector<std::int64_t> chosen = lengths;
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    for (const std::int64_t length : chosen) take_tokens(tokens, length, config, source, "--lengths");
    if (chosen.empty()) {
      const auto most =
          static_cast<std::int64_t>(take_tokens(tokens, {}, config, source, "--lengths").size());
      for (std::int64_t length = kShortest; length <= most; length *= 2) {
        if (length > options.from) chosen.push_back(length);
      }
      if (chosen.empty()) chosen.push_back(most);
    }
    if (options.from < 1 || options.from >= chosen.front()) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("--from is ", options.from, "; legal: 1 to ", chosen.front() - 1, ", for passages of ",
                      chosen.front(), " tokens"));
    }
    return chosen;
  }

  void run() const {
    common.apply();
    const OpenedWithText opened = open_with_text(terminal, checkpoint, text);
    if (converted.empty()) conversion.validate(opened.config.context);
    const std::vector<std::int64_t> chosen = chosen_lengths(opened.tokens, opened.config, opened.source);
    auto texts =
        converted.empty() ? conversion.wanted_texts(terminal, opened.tokenizer, opened.config) : std::nullopt;
    const LanguageModel original =
        load_model(terminal, opened.checkpoint, common.device).with_attention(std::nullopt);
    const LanguageModel other =
        conversion.counterpart(terminal, original, std::move(texts), converted, common.device);

    std::vector<LengthFidelity> measured;
    std::optional<Recall> recall;
    {
      ProgressLine progress(terminal);
      PassageOptions passages = options;
      passages.beginning = opened.tokenizer.beginning_token();
      measured = measure_lengths(original, other, opened.tokens, chosen, passages, progress.job());
      if (trials > 0) {
        recall = measure_recall(original, other, opened.tokenizer, opened.text, opened.tokens,
                                {chosen.back(), trials}, progress.job());
      }
    }
    if (common.json) {
      nlohmann::json all{{"from", options.from}, {"recall", recall ? recall->to_json() : nlohmann::json()}};
      for (const LengthFidelity& length : measured) all["lengths"].push_back(length.to_json());
      return terminal.print_json(all);
    }
    print_models(terminal.out, other.config(), opened.checkpoint.name());
    terminal.out << "Text: " << opened.source << ", "
                 << with_commas(static_cast<std::int64_t>(opened.tokens.size())) << " tokens";
    if (options.from > 1) terminal.out << "; positions from " << with_commas(options.from) << " on count";
    terminal.out << "\n\n";
    print_fidelity(terminal.out, measured, recall);
  }
};

}  // namespace

void add_fidelity(CommandLine& line, Terminal& terminal) {
  auto fidelity = std::make_shared<FidelityCommand>(terminal);
  const Command command = line.add(
      "fidelity",
      "Measure how faithful a conversion is: predictions by length and position, recall, every head");
  command.option("CKPT", fidelity->checkpoint, kCheckpointHelp).required();
  const Option converted =
      command.option("CONVERTED", fidelity->converted, "Converted checkpoint (default: converts in memory)");
  command.option("--text", fidelity->text,
                 "Text to predict, or - for standard input (default: bundled sample)");
  command
      .option("--lengths", fidelity->lengths,
              "Tokens of a passage, several with commas between (default: 1024 and its doubles, as far "
              "as context and text go)")
      .list()
      .whole_number();
  command
      .option("--passages", fidelity->options.passages,
              "Passages of each length, one after the other; as many as the text has")
      .whole_number()
      .with_default();
  command
      .option("--from", fidelity->options.from,
              "Positions of a passage from this one on count; the first is 0 and predicted by nothing")
      .whole_number()
      .with_default();
  command
      .option("--trials", fidelity->trials,
              "Passages and lists of each size that recall is measured on; 0: it is not")
      .whole_number()
      .with_default();
  fidelity->conversion.add_to(command, &converted);
  fidelity->common.add_to(command);
  command.action([fidelity] { fidelity->run(); });
}

}  // namespace bsbr::cli
