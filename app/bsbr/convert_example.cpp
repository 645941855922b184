#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

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
  Common common;
  Conversion conversion;
  std::string model_name = "gpt2", output_dir = "./converted_model";
  std::int64_t length = 512;
  bool save = false;

  void run() const {
    common.apply();
    const OpenedWithText opened = open_with_text(model_name, "");
    conversion.validate(opened.config.context);
    const std::vector<TokenId> ids =
        take_tokens(opened.tokens, length, opened.config, opened.source, "--seq_len");
    auto texts = conversion.wanted_texts(opened.tokenizer, opened.config);
    const LanguageModel original = load_model(opened.checkpoint, common.device).with_attention(std::nullopt);
    const LanguageModel converted =
        original.with_attention(conversion.plan(original, std::move(texts)).config);
    const Comparison comparison = [&] {
      ProgressLine progress;
      return bsbr::compare(original, converted, ids, progress.job());
    }();
    nlohmann::json json = comparison.to_json();
    if (!common.json)
      print_report(std::cout, comparison, converted.config(), opened.checkpoint.name(), opened.source);
    if (save) {
      ProgressLine progress;
      const LanguageModel on_cpu = common.device == "cpu"
                                       ? converted
                                       : LanguageModel::load(opened.checkpoint, "cpu", progress.job())
                                             .with_attention(converted.config().bsbr);
      const ExportReport report =
          export_checkpoint(opened.checkpoint, on_cpu, output_dir, {}, progress.job());
      json["saved"] = report.folder.string();
      if (!common.json) std::cout << "\nsaved to " << report.folder.string() << '\n';
    }
    if (common.json) print_json(json);
  }
};

}  // namespace

void add_convert_example(CLI::App& app) {
  auto example = std::make_shared<ConvertExample>();
  CLI::App* command =
      app.add_subcommand("convert-example", "Convert, compare on a sample text, and save if asked to");
  command->add_option("--model_name", example->model_name, kCheckpointHelp)->capture_default_str();
  command->add_option("--chunk_size", example->conversion.bsbr.chunk_size, "Tokens a chunk")
      ->check(whole_number)
      ->capture_default_str();
  command
      ->add_option("--compression_factor", example->conversion.bsbr.compression_factor,
                   "Tokens a condensed state")
      ->check(whole_number)
      ->capture_default_str();
  command->add_option("--seq_len", example->length, "Tokens to compare on")
      ->check(whole_number)
      ->capture_default_str();
  command->add_option("--output_dir", example->output_dir, "Folder to save to")->capture_default_str();
  command->add_flag("--save_model", example->save, "Save the converted model to --output_dir");
  example->common.add_to(*command);
  command->callback([example] { example->run(); });
}

}  // namespace bsbr::cli
