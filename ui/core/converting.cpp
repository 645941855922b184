#include "ui/core/converting.h"

#include <algorithm>
#include <tuple>

#include "engine/base/json_file.h"
#include "engine/base/resources.h"
#include "engine/conversion/plan_texts.h"
#include "engine/model/model_text.h"

namespace bsbr {
namespace {

constexpr std::uint64_t kLargestText = std::uint64_t{256} << 20;

std::vector<TokenId> tokens_of(const OpenedModel& opened, const std::filesystem::path& file) {
  try {
    return encode_for_model(read_text_file(file, kLargestText), opened.tokenizer, opened.config());
  } catch (const Error& error) {
    const std::string what = error.what();
    const bool named = what.starts_with(file.string());
    throw Error(error.kind(), named ? what : cat(file.string(), ": ", what));
  }
}

}  // namespace

PlanTexts calibration_texts(const OpenedModel& opened, const ConversionSettings& settings) {
  const auto most = static_cast<std::size_t>(std::min(settings.plan_tokens, opened.config().context));
  std::vector<TokenId> plan;
  std::vector<TokenId> check;
  if (settings.calibration.empty()) {
    plan = tokens_of(opened, resource("calibration/plan.txt"));
    check = tokens_of(opened, resource("demo/sample.txt"));
  } else {
    std::tie(plan, check) =
        split_text(tokens_of(opened, settings.calibration), static_cast<std::int64_t>(most),
                   opened.tokenizer.beginning_token(), settings.calibration);
  }
  plan.resize(std::min(plan.size(), most));
  check.resize(std::min(check.size(), most));
  return plan_texts(opened.tokenizer, std::move(plan), std::move(check), settings.chunk_size);
}

ConvertedModel convert_model(const OpenedModel& opened, const ConversionSettings& settings, const Job& job) {
  const BsbrConfig config = settings.config();
  config.validate(opened.config().context);
  if (!settings.is_planned()) return {opened.original.with_attention(config), settings, std::nullopt};
  Plan plan = make_plan(opened.original, config, calibration_texts(opened, settings), settings.target(), job);
  LanguageModel model = opened.original.with_attention(plan.config);
  return {std::move(model), settings, std::move(plan)};
}

}  // namespace bsbr
