#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/conversion.h"
#include "app/bsbr/dense_start.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/export/export.h"
#include "engine/model/checkpoint_tokenizer.h"

namespace bsbr::cli {
namespace {

/// A line on how the tokenizer of an export was checked.
std::string tokenizer_line(const TokenizerCheck& check) {
  if (check.texts == 0) return "tokenizer: not checked: " + one_line(check.not_checked);
  return cat("tokenizer: same ids on ", with_commas(static_cast<std::int64_t>(check.texts)), " texts",
             check.chat ? "; same chat template" : "");
}

struct Convert {
  explicit Convert(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  Conversion conversion;
  std::string checkpoint, out, dtype;
  ExportOptions asked;

  void run() const {
    common.apply();
    ExportOptions options = asked;
    if (!dtype.empty()) options.dtype = dtype_from_config_name(dtype);
    const Checkpoint source = open_checkpoint(terminal, checkpoint);
    const ModelConfig model = config_of(source);
    if (model.bsbr) {
      throw Error(
          ErrorKind::InvalidArgument,
          cat(checkpoint, ": is converted already; convert the original with the settings that you want"));
    }
    conversion.validate(model.context);
    check_destination(source, out, options);
    std::optional<Conversion::Texts> texts;
    if (conversion.plans()) texts = conversion.texts(terminal, open_tokenizer(source), model);
    // The export is verified bit for bit against this model, so it is made where the verification runs.
    const LanguageModel original = load_model(terminal, source, "cpu");
    const Conversion::Result planned = conversion.plan(terminal, original, std::move(texts));
    const LanguageModel converted = original.with_attention(planned.config);
    if (planned.plan) options.check = planned.plan->check;
    options.check_text = [&] {
      return planned.plan
                 ? planned.check_text
                 : sample_tokens(source, model, std::min(conversion.calibration_tokens, model.context));
    };
    const ExportReport report = [&] {
      ProgressLine progress(terminal);
      return export_checkpoint(source, converted, out, options, progress.job());
    }();
    print(planned, report);
    terminal.out.flush();
    if (planned.plan) remember(converted, source);
  }

 private:
  /// The export is in place whatever becomes of this.
  void remember(const LanguageModel& converted, const Checkpoint& source) const {
    try {
      remember_dense_start(terminal, converted, open_tokenizer(source));
    } catch (const std::exception& error) {
      terminal.err << "bsbr: warning: where dense attention is faster was not measured and will be when the "
                      "checkpoint is used first: "
                   << one_line(error.what()) << '\n';
    }
  }

  [[nodiscard]] static nlohmann::json tokenizer_json(const TokenizerCheck& check) {
    nlohmann::json json{{"texts", check.texts}, {"same_ids", check.texts > 0}, {"chat_template", check.chat}};
    if (!check.not_checked.empty()) json["not_checked"] = check.not_checked;
    return json;
  }

  void print(const Conversion::Result& planned, const ExportReport& report) const {
    if (common.json) {
      nlohmann::json json{{"folder", report.folder.string()}, {"bytes", report.bytes},
                          {"tensors", report.tensors},        {"verified", true},
                          {"left_out", report.left_out},      {"tokenizer", tokenizer_json(report.tokenizer)},
                          {"same_bits", report.same_bits},    {"bsbr", planned.config.to_json()}};
      if (report.fidelity) {
        const Fidelity& check = *report.fidelity;
        json["check"] = {{"tokens", check.tokens},
                         {"density", check.density},
                         {"kl", check.kl},
                         {"perplexity_ratio", check.perplexity_ratio()},
                         {"top1_agreement", check.top1_agreement},
                         {"recall", nullptr}};
      }
      if (planned.plan) {
        json["calibration"] = {{"text", planned.text}, {"tokens", planned.plan->tokens}};
        if (planned.plan->recall) json["check"]["recall"] = planned.plan->recall->to_json();
      }
      return terminal.print_json(json);
    }
    if (planned.plan) {
      terminal.out << "planned from " << with_commas(planned.plan->tokens) << " tokens of " << planned.text
                   << '\n'
                   << recall_line(*planned.plan);
    }
    if (report.fidelity) terminal.out << fidelity_line(*report.fidelity) << '\n';
    terminal.out << tokenizer_line(report.tokenizer) << '\n';
    terminal.out << report.folder.string() << ": written and verified, " << report.tensors << " tensors "
                 << (report.same_bits ? "bit-identical" : "rounded to " + dtype) << ", "
                 << (report.left_out > 0 ? cat(report.left_out, " that the model does not use left out, ")
                                         : "")
                 << human_bytes(static_cast<std::int64_t>(report.bytes)) << '\n';
  }
};

}  // namespace

void add_convert(CommandLine& line, Terminal& terminal) {
  auto convert = std::make_shared<Convert>(terminal);
  const Command command = line.add("convert", "Convert a checkpoint to BSBR and write it to a folder");
  command.option("CKPT", convert->checkpoint, kCheckpointHelp).required();
  command.option("OUT", convert->out, "Folder to write").required();
  convert->conversion.add_to(command);
  command
      .option("--dtype", convert->dtype,
              "Write the weights as float32, float16 or bfloat16 (default: as they are)")
      .one_of({"float32", "float16", "bfloat16"});
  command
      .option("--max-shard-size", convert->asked.shard_bytes,
              "Size of a file of weights at most, as in 5GB or 500MB")
      .size_in_bytes()
      .with_default("5GB");
  command.flag("--force", convert->asked.force, "Replace OUT if it is a checkpoint folder");
  convert->common.add_to(command);
  command.action([convert] { convert->run(); });
}

}  // namespace bsbr::cli
