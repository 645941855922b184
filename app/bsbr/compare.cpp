#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/comparison_report.h"
#include "app/bsbr/conversion.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"

namespace bsbr::cli {
namespace {

struct Compare {
  explicit Compare(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  Conversion conversion;
  std::string checkpoint, converted, text;
  std::string dtype = "float32";
  std::optional<std::int64_t> length;

  void run() const {
    common.apply();
    const OpenedWithText opened = open_with_text(terminal, checkpoint, text);
    if (converted.empty()) conversion.validate(opened.config.context);
    const std::vector<TokenId> ids =
        take_tokens(opened.tokens, length, opened.config, opened.source, "--seq-len");
    auto texts =
        converted.empty() ? conversion.wanted_texts(terminal, opened.tokenizer, opened.config) : std::nullopt;
    const LanguageModel original =
        load_model(terminal, opened.checkpoint, common.device, dtype).with_attention(std::nullopt);
    const LanguageModel other =
        conversion.counterpart(terminal, original, std::move(texts), converted, common.device, dtype);
    if (!length && ids.size() < opened.tokens.size()) {
      terminal.err << "bsbr: the text has " << with_commas(static_cast<std::int64_t>(opened.tokens.size()))
                   << " tokens; the first " << with_commas(opened.config.context)
                   << ", the model's context, are compared\n";
    }
    const Comparison comparison = [&] {
      ProgressLine progress(terminal);
      return bsbr::compare(original, other, ids, progress.job());
    }();
    if (common.json) return terminal.print_json(comparison.to_json());
    print_report(terminal.out, comparison, other.config(), opened.checkpoint.name(), opened.source);
  }
};

}  // namespace

void add_compare(CommandLine& line, Terminal& terminal) {
  auto compare = std::make_shared<Compare>(terminal);
  const Command command = line.add(
      "compare",
      "Compare a checkpoint with its conversion: what it still predicts, how fast, in how much memory");
  command.option("CKPT", compare->checkpoint, kCheckpointHelp).required();
  const Option converted =
      command.option("CONVERTED", compare->converted, "Converted checkpoint (default: converts in memory)");
  command.option("--text", compare->text,
                 "Text to predict, or - for standard input (default: bundled sample)");
  command.option("--seq-len", compare->length, "Tokens of the text (default: as many as the context allows)")
      .whole_number();
  compare->conversion.add_to(command, &converted);
  compare->common.add_to(command);
  add_dtype_option(command, compare->dtype);
  command.action([compare] { compare->run(); });
}

}  // namespace bsbr::cli
