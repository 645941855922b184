#include "app/bsbr/conversion.h"

#include <algorithm>

#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/base/resources.h"
#include "engine/model/checkpoint_tokenizer.h"

namespace bsbr::cli {
namespace {

constexpr double kDefaultQuality = 0.005;

using Tokens = std::vector<TokenId>;

Tokens start_of(const std::string& path, const Tokenizer& tokenizer, const ModelConfig& config,
                std::int64_t most) {
  Tokens tokens = encode_text(read_text(path), path, tokenizer, config);
  tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(most)));
  return tokens;
}

}  // namespace

void Conversion::add_to(const Command& command, const Option* excluded) {
  add_bsbr_options(command, bsbr);
  const Option by_density = command.option(
      "--density", density, "Plan every head so that on average this share of all query-key pairs is exact");
  const Option by_quality =
      command
          .option("--quality", quality,
                  "Plan every head for the least density at which the KL divergence from the original "
                  "stays below this, in nats a token (default: " +
                      fixed(kDefaultQuality, 3) + ")")
          .excludes(by_density);
  const Option by_count =
      command.option("--retrieve", retrieve, "Plan nothing: every head reads so many far tokens exactly")
          .whole_number()
          .excludes(by_density)
          .excludes(by_quality);
  const Option only = command
                          .flag("--states-only", bsbr.states_only,
                                "Keep only the condensed states of the far past: the cache shrinks by the "
                                "compression factor, and nothing is retrieved")
                          .excludes(by_density)
                          .excludes(by_quality)
                          .excludes(by_count);
  const auto [text, length] = add_calibration_to(command);
  for (const Option option : {text, length}) option.excludes(by_count).excludes(only);
  if (excluded == nullptr) return;
  for (const Option option : {by_density, by_quality, by_count, only, text, length})
    option.excludes(*excluded);
  for (const char* name :
       {"--chunk-size", "--block-size", "--compression-factor", "--window", "--candidates"}) {
    command.added(name).excludes(*excluded);
  }
}

std::pair<Option, Option> Conversion::add_calibration_to(const Command& command) {
  return {command.option("--calibrate", calibrate, "Text to plan from (default: a bundled one)"),
          command
              .option("--calibration-tokens", calibration_tokens,
                      "Tokens to plan from, at most; and to check the plan on")
              .whole_number()
              .with_default()};
}

void Conversion::validate(std::int64_t context) const {
  BsbrConfig uniform = bsbr;
  uniform.retrieve = retrieve.value_or(0);
  uniform.validate(context);
  if (density && !(*density > 0 && *density <= 1))
    throw Error(ErrorKind::InvalidArgument, cat("--density is ", *density, "; legal: above 0, up to 1"));
  if (quality && !(*quality > 0))
    throw Error(ErrorKind::InvalidArgument, cat("--quality is ", *quality, "; legal: above 0"));
  // The default is cut to the context.
  const bool asked_for = calibration_tokens != Conversion{}.calibration_tokens;
  if (asked_for && (calibration_tokens < 2 || calibration_tokens > context)) {
    throw Error(ErrorKind::InvalidArgument,
                cat("--calibration-tokens is ", calibration_tokens, "; legal: 2 to ", context));
  }
}

Conversion::Texts Conversion::texts(Terminal& terminal, const Tokenizer& tokenizer,
                                    const ModelConfig& config) const {
  const std::int64_t most = std::min(calibration_tokens, config.context);
  std::string source = calibrate.empty() ? resource("calibration/plan.txt").string() : input_name(calibrate);
  auto [plan, check] =
      calibrate.empty() ? std::pair{start_of(source, tokenizer, config, most),
                                    start_of(resource("demo/sample.txt").string(), tokenizer, config, most)}
                        : split_text(encode_text(read_input(terminal, calibrate), source, tokenizer, config),
                                     most, tokenizer.beginning_token(), source);
  return {plan_texts(tokenizer, std::move(plan), std::move(check), bsbr.chunk_size), std::move(source)};
}

std::optional<Conversion::Texts> Conversion::wanted_texts(Terminal& terminal, const Tokenizer& tokenizer,
                                                          const ModelConfig& config) const {
  return plans() ? std::optional(texts(terminal, tokenizer, config)) : std::nullopt;
}

Conversion::Result Conversion::plan(Terminal& terminal, const LanguageModel& original,
                                    std::optional<Texts> from) const {
  BsbrConfig config = bsbr;
  config.retrieve = retrieve.value_or(0);
  if (!from) return {config, {}, {}, {}};
  PlanTarget target{density, {}};
  if (!density) target.kl = quality.value_or(kDefaultQuality);
  ProgressLine progress(terminal);
  Tokens check = from->texts.check;
  Plan plan = make_plan(original, config, std::move(from->texts), target, progress.job());
  return {plan.config, std::move(plan), std::move(from->source), std::move(check)};
}

LanguageModel Conversion::counterpart(Terminal& terminal, const LanguageModel& original,
                                      std::optional<Texts> from, const std::string& path,
                                      const std::string& device, const std::string& dtype) const {
  if (path.empty()) return original.with_attention(plan(terminal, original, std::move(from)).config);
  LanguageModel model = load_model(terminal, open_checkpoint(terminal, path), device, dtype);
  if (!model.config().bsbr) {
    throw Error(ErrorKind::InvalidArgument, cat(path, ": is not converted; make it with `bsbr convert`"));
  }
  if (model.config().vocabulary != original.config().vocabulary) {
    throw Error(
        ErrorKind::InvalidArgument,
        cat(path, ": has a vocabulary of ", model.config().vocabulary, " and the original of ",
            original.config().vocabulary, "; only a checkpoint and its own conversion can be compared"));
  }
  return model;
}

std::string plan_words(const BsbrConfig& config) {
  if (config.states_only) return "states only";
  return config.plan.empty() ? cat("retrieve ", config.retrieve) : "a plan for each head";
}

std::vector<TokenId> sample_tokens(const Checkpoint& checkpoint, const ModelConfig& config,
                                   std::int64_t most) {
  try {
    return start_of(resource("demo/sample.txt").string(), open_tokenizer(checkpoint), config, most);
  } catch (const Error&) {
    return {};
  }
}

std::string fidelity_line(const Fidelity& check) {
  return cat("density ", fixed(100 * check.density, 1), " %, KL ", fixed(check.kl, 4), ", perplexity ",
             fixed(check.original_perplexity, 2), " -> ", fixed(check.converted_perplexity, 2),
             ", top-1 agreement ", fixed(100 * check.top1_agreement, 1), " %, on ", with_commas(check.tokens),
             " tokens of other text");
}

std::string recall_line(const Plan& plan) {
  if (!plan.recall) return {};
  return cat("recall of what was read ", with_commas(plan.recall->distances.front().distance), " to ",
             with_commas(plan.recall->distances.back().distance),
             " tokens ago: ", fixed(plan.recall->worst(), 3), " nats a token lost at worst\n");
}

}  // namespace bsbr::cli
