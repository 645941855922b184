#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/comparison_report.h"
#include "app/bsbr/conversion.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/export/export.h"

namespace bsbr::cli {
namespace {

/// The published example: convert a model, compare the two on a sequence, and save it if asked to.
struct ConvertExample {
  explicit ConvertExample(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  Conversion conversion;
  std::string model_name = "gpt2", output_dir = "./converted_model";
  std::int64_t length = 512;
  bool save = false;

  void run() const {
    common.apply();
    const OpenedWithText opened = open_with_text(terminal, model_name, "");
    conversion.validate(opened.config.context);
    const std::vector<TokenId> ids =
        take_tokens(opened.tokens, length, opened.config, opened.source, "--seq_len");
    auto texts = conversion.wanted_texts(terminal, opened.tokenizer, opened.config);
    const LanguageModel original =
        load_model(terminal, opened.checkpoint, common.device).with_attention(std::nullopt);
    const LanguageModel converted =
        original.with_attention(conversion.plan(terminal, original, std::move(texts)).config);
    const Comparison comparison = [&] {
      ProgressLine progress(terminal);
      return bsbr::compare(original, converted, ids, progress.job());
    }();
    nlohmann::json json = comparison.to_json();
    if (!common.json)
      print_report(terminal.out, comparison, converted.config(), opened.checkpoint.name(), opened.source);
    if (save) {
      ProgressLine progress(terminal);
      const LanguageModel on_cpu = common.device == "cpu"
                                       ? converted
                                       : LanguageModel::load(opened.checkpoint, "cpu", progress.job())
                                             .with_attention(converted.config().bsbr);
      const ExportReport report =
          export_checkpoint(opened.checkpoint, on_cpu, output_dir, {}, progress.job());
      json["saved"] = report.folder.string();
      if (!common.json) terminal.out << "\nsaved to " << report.folder.string() << '\n';
    }
    if (common.json) terminal.print_json(json);
  }
};

}  // namespace

void add_convert_example(CommandLine& line, Terminal& terminal) {
  auto example = std::make_shared<ConvertExample>(terminal);
  const Command command =
      line.add("convert-example", "Convert, compare on a sample text, and save if asked to");
  command.option("--model_name", example->model_name, kCheckpointHelp).with_default();
  command.option("--chunk_size", example->conversion.bsbr.chunk_size, "Tokens a chunk")
      .whole_number()
      .with_default();
  command
      .option("--compression_factor", example->conversion.bsbr.compression_factor, "Tokens a condensed state")
      .whole_number()
      .with_default();
  command.option("--seq_len", example->length, "Tokens to compare on").whole_number().with_default();
  command.option("--output_dir", example->output_dir, "Folder to save to").with_default();
  command.flag("--save_model", example->save, "Save the converted model to --output_dir");
  example->common.add_to(command);
  command.action([example] { example->run(); });
}

}  // namespace bsbr::cli
