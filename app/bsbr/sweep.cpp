#include "engine/conversion/sweep.h"

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

void print_sweep(std::ostream& out, const Sweep& sweep) {
  constexpr std::size_t kTitle = 24, kNumber = 12;
  const auto row = [&](const std::string& mark, const std::string& title,
                       std::initializer_list<std::string> cells) {
    out << mark << ' ' << left(title, kTitle);
    for (const std::string& cell : cells) out << right(cell, kNumber);
    out << '\n';
  };
  row(" ", "", {"density", "KL", "perplexity", "ratio", "top-1", "cache"});
  row(" ", "original",
      {percent(1), "", fixed(sweep.original_perplexity, 2), "", "", human_bytes(sweep.original_cache_bytes)});
  const std::vector<bool> best = sweep.pareto();
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const SweepPoint& point = sweep.points[i];
    const Fidelity& fidelity = point.fidelity;
    row(best[i] ? "*" : " ", point.name(),
        {percent(fidelity.density), fixed(fidelity.kl, 5), fixed(fidelity.converted_perplexity, 2),
         fixed(fidelity.perplexity_ratio(), 4), percent(fidelity.top1_agreement),
         human_bytes(point.cache_bytes)});
  }
  out << "\n* no other is as good in density, KL and cache, and better in one of them\n";
}

struct SweepCommand {
  explicit SweepCommand(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  Conversion conversion;
  SweepOptions options;
  std::string checkpoint, text;
  std::optional<std::int64_t> length;

  void run() const {
    common.apply();
    const OpenedWithText opened = open_with_text(terminal, checkpoint, text);
    const std::int64_t context = opened.config.context;
    conversion.validate(context);
    const std::vector<TokenId> ids =
        take_tokens(opened.tokens, length, opened.config, opened.source, "--seq-len");
    const auto tokens = static_cast<std::int64_t>(ids.size());
    if (options.from < 1 || options.from >= tokens) {
      throw Error(ErrorKind::InvalidArgument, cat("--from is ", options.from, "; legal: 1 to ", tokens - 1));
    }
    Conversion::Texts texts = conversion.texts(terminal, opened.tokenizer, opened.config);
    const LanguageModel original =
        load_model(terminal, opened.checkpoint, common.device).with_attention(std::nullopt);
    const Sweep result = [&] {
      ProgressLine progress(terminal);
      return sweep(original, conversion.bsbr, std::move(texts.texts), ids, options, {}, progress.job());
    }();
    if (common.json) {
      nlohmann::json json = result.to_json();
      json["from"] = options.from;
      return terminal.print_json(json);
    }
    const BsbrConfig& bsbr = conversion.bsbr;
    terminal.out << opened.checkpoint.name() << ": chunk " << bsbr.chunk_size << ", block " << bsbr.block_size
                 << ", compression " << bsbr.compression_factor << ", window " << bsbr.window
                 << "; planned from " << texts.source << "\nText: " << opened.source << ", "
                 << with_commas(tokens) << " tokens";
    if (options.from > 1) terminal.out << "; positions from " << with_commas(options.from) << " on count";
    terminal.out << "\n\n";
    print_sweep(terminal.out, result);
  }
};

}  // namespace

void add_sweep(CommandLine& line, Terminal& terminal) {
  auto sweep = std::make_shared<SweepCommand>(terminal);
  const Command command =
      line.add("sweep", "Convert in many ways: density, memory and fidelity of each beside the others");
  command.option("CKPT", sweep->checkpoint, kCheckpointHelp).required();
  command.option("--text", sweep->text, "Text to predict, or - for standard input (default: bundled sample)");
  command.option("--seq-len", sweep->length, "Tokens of the text (default: as many as the context allows)")
      .whole_number();
  command
      .option("--from", sweep->options.from,
              "Positions from this one on count; the first is 0 and predicted by nothing")
      .whole_number()
      .with_default();
  const auto list = [&](const char* name, auto& values, const char* says) {
    return command.option(name, values, says).list().with_default();
  };
  list("--budgets", sweep->options.budgets, "Retrieved tokens to try, the same for every head")
      .whole_number();
  list("--densities", sweep->options.densities, "Densities to plan for");
  list("--factors", sweep->options.factors, "Compression factors to try with states only").whole_number();
  add_bsbr_options(command, sweep->conversion.bsbr);
  sweep->conversion.add_calibration_to(command);
  sweep->common.add_to(command);
  command.action([sweep] { sweep->run(); });
}

}  // namespace bsbr::cli
