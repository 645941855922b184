#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/bench_report.h"
#include "app/bsbr/commands.h"
#include "app/bsbr/conversion.h"
#include "app/bsbr/dense_start.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"

namespace bsbr::cli {
namespace {

struct BenchCommand {
  explicit BenchCommand(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  Conversion conversion;
  DenseStart dense_start;
  BenchOptions options;
  std::string checkpoint, converted, text;
  std::string dtype = "float32";
  bool csv = false;
  bool attention_only = false;
  std::optional<std::int64_t> layer;

  void run() {
    common.apply();
    if (options.repetitions < 1)
      throw Error(ErrorKind::InvalidArgument,
                  cat("--repetitions is ", options.repetitions, "; legal: 1 or more"));
    const OpenedWithText opened = open_with_text(terminal, checkpoint, text);
    if (converted.empty()) conversion.validate(opened.config.context);
    choose_lengths(opened.config);
    if (opened.tokens.empty()) throw Error(ErrorKind::InvalidArgument, cat(opened.source, ": has no tokens"));
    auto texts =
        converted.empty() ? conversion.wanted_texts(terminal, opened.tokenizer, opened.config) : std::nullopt;
    const LanguageModel original =
        load_model(terminal, opened.checkpoint, common.device, dtype).with_attention(std::nullopt);
    const LanguageModel sparse =
        conversion.counterpart(terminal, original, std::move(texts), converted, common.device, dtype);
    const std::vector<std::int64_t> start = dense_start.of(terminal, sparse, opened.tokens);
    const LanguageModel other = sparse.with_dense_start(start);
    const std::vector<BenchModel> models{{"original", &original}, {"converted", &other}};
    attention_only ? run_attention(models, opened.tokens, start) : run_models(models, opened.tokens, start);
  }

 private:
  void choose_lengths(const ModelConfig& config) {
    std::vector<std::int64_t>& lengths = options.lengths;
    if (lengths.empty()) {
      for (std::int64_t length = 512; length <= config.context; length *= 2) lengths.push_back(length);
      if (lengths.empty()) lengths.push_back(config.context);
    }
    std::sort(lengths.begin(), lengths.end());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
    const std::int64_t wrong = lengths.front() < 1 ? lengths.front() : lengths.back();
    if (lengths.front() < 1 || (wrong > config.context && !config.rope)) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("--lengths has ", wrong, "; legal: 1 to ", config.context, ", the model's context"));
    }
    if (layer && (*layer < 0 || *layer >= config.layers))
      throw Error(ErrorKind::InvalidArgument,
                  cat("--layer is ", *layer, "; legal: 0 to ", config.layers - 1));
    if (!layer) layer = config.layers / 2;
  }

  void run_models(const std::vector<BenchModel>& models, const std::vector<TokenId>& tokens,
                  const std::vector<std::int64_t>& start) const {
    const Bench bench = [&] {
      ProgressLine progress(terminal);
      return measure_bench(models, tokens, options, progress.job());
    }();
    if (common.json) {
      nlohmann::json json = bench.to_json();
      json["dense_until"] = start;
      return terminal.print_json(json);
    }
    if (csv) return print_bench_csv(terminal.out, bench);
    print_bench(terminal.out, bench);
    print_dense_start(terminal.out, start);
  }

  void run_attention(const std::vector<BenchModel>& models, const std::vector<TokenId>& tokens,
                     const std::vector<std::int64_t>& start) const {
    std::vector<const LanguageModel*> measured;
    std::vector<std::string> names;
    for (const BenchModel& model : models) {
      measured.push_back(model.model);
      names.push_back(model.name);
    }
    std::vector<AttentionPoint> points;
    double product = 0;
    {
      ProgressLine progress(terminal);
      for (const std::int64_t length : options.lengths) {
        points.push_back(
            {length, measure_attention(measured, repeated(tokens, 0, length),
                                       {*layer, options.repetitions, options.most_seconds},
                                       progress.job().within(cat(with_commas(length), " tokens")))});
      }
      product = matrix_product_flops();
    }
    if (common.json) {
      nlohmann::json json = attention_json(names, points, product);
      json["dense_until"] = start;
      return terminal.print_json(json);
    }
    if (csv) return print_attention_csv(terminal.out, names, points);
    print_attention(terminal.out, names, points, *layer, product);
    print_dense_start(terminal.out, start);
  }

  [[nodiscard]] nlohmann::json attention_json(const std::vector<std::string>& models,
                                              const std::vector<AttentionPoint>& points,
                                              double product) const {
    nlohmann::json rows = nlohmann::json::array();
    for (const AttentionPoint& point : points) {
      nlohmann::json row{{"tokens", point.tokens}};
      for (std::size_t m = 0; m < models.size(); ++m) row[models[m]] = point.costs[m].to_json();
      rows.push_back(std::move(row));
    }
    return {{"machine", this_machine().to_json()},
            {"layer", *layer},
            {"matrix_product_flops", product},
            {"lengths", std::move(rows)}};
  }
};

}  // namespace

void add_bench(CommandLine& line, Terminal& terminal) {
  auto bench = std::make_shared<BenchCommand>(terminal);
  const Command command = line.add(
      "bench",
      "Time a checkpoint beside its conversion over lengths: prefill, decoding, memory, and their parts");
  command.option("CKPT", bench->checkpoint, kCheckpointHelp).required();
  const Option converted =
      command.option("CONVERTED", bench->converted, "Converted checkpoint (default: converts in memory)");
  command.option(
      "--text", bench->text,
      "Text to run, or - for standard input; repeated where it is short (default: bundled sample)");
  command
      .option("--lengths", bench->options.lengths,
              "Tokens, several with commas between (default: 512 and its doubles up to the context); with "
              "rotary positions also beyond the context")
      .list()
      .whole_number();
  command.option("--repetitions", bench->options.repetitions, "Runs of each prefill, after one to warm up")
      .whole_number()
      .with_default();
  command
      .option("--seconds", bench->options.most_seconds,
              "After so long no further run of a model and length begins; one always counts")
      .not_negative()
      .with_default();
  const Option only =
      command.flag("--attention-only", bench->attention_only,
                   "Time the attention of one layer, to lengths that the model takes too long for");
  command.option("--layer", bench->layer, "That layer, from 0 (default: the middle one)")
      .whole_number()
      .needs(only);
  command
      .flag("--predict", bench->options.predict,
            "Print beside each time what arithmetic and memory traffic, over this machine's measured "
            "ceilings, let expect")
      .excludes(only);
  command.flag("--csv", bench->csv, "Print comma-separated values instead of tables");
  bench->conversion.add_to(command, &converted);
  bench->dense_start.add_to(command);
  bench->common.add_to(command);
  add_dtype_option(command, bench->dtype);
  command.added("--csv").excludes(command.added("--json"));
  command.action([bench] { bench->run(); });
}

}  // namespace bsbr::cli
