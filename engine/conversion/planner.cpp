#include "engine/conversion/planner.h"

#include <algorithm>
#include <cmath>

#include "engine/conversion/head_options.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

using Options = std::vector<std::vector<HeadOption>>;  // [layers · heads][options]

Options measure(const LanguageModel& original, const BsbrConfig& base, std::span<const TokenId> text,
                const Job& job) {
  return at_torch_border([&] {
    const Decoder& decoder = original.decoder();
    Options all;
    Decoder::Options options;
    options.job = job.stage("measuring what each head needs");
    options.on_attention = [&](const AttentionInput& input) {
      const auto& layer = decoder.weights().layers[static_cast<std::size_t>(input.layer)];
      for (auto& head : measure_options(input, decoder.attention_shape(), layer.attention_out, base))
        all.push_back(std::move(head));
    };
    (void)decoder.forward({{text.begin(), text.end()}, {static_cast<std::int64_t>(text.size())}}, options);
    return all;
  });
}

/// One option for each head.
struct Choice {
  std::vector<const HeadOption*> heads;
  double pairs = 0;  // of a query, mean over heads
};

/// The best for every head when a pair costs so much error.
Choice choose(const Options& options, double price) {
  Choice choice;
  for (const std::vector<HeadOption>& head : options) {
    const auto cost = [&](const HeadOption& option) { return option.error + price * option.pairs; };
    choice.heads.push_back(
        &*std::min_element(head.begin(), head.end(),
                           [&](const HeadOption& a, const HeadOption& b) { return cost(a) < cost(b); }));
    choice.pairs += choice.heads.back()->pairs / static_cast<double>(options.size());
  }
  return choice;
}

constexpr double kLowest = 1e-14, kHighest = 1e3;  // prices at which heads read all and next to nothing

/// The lowest price at which no more than so many pairs are read.
double price_of(const Options& options, double pairs) {
  double low = std::log(kLowest);
  double high = std::log(kHighest);
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (choose(options, std::exp(middle)).pairs > pairs ? low : high) = middle;
  }
  return std::exp(high);
}

class Planner {
 public:
  Planner(const LanguageModel& original, const BsbrConfig& base, std::span<const TokenId> calibration,
          std::span<const TokenId> check, const Job& job)
      : original_(original),
        base_(base),
        job_(job),
        options_(measure(original, base, calibration, job)),
        meter_(original, check, job),
        causal_((static_cast<double>(calibration.size()) + 1) / 2) {}

  /// Thresholds read more of one text and less of another, so the price is corrected by what was read.
  Plan at_density(double density) {
    double planned = density;
    std::optional<Plan> best;
    for (int i = 0; i < 5; ++i) {
      Plan plan = try_price(price_of(options_, planned * causal_));
      const double read = plan.check.density;
      if (read <= density && (!best || read > best->check.density)) best = plan;
      if (read <= density && read > 0.97 * density) break;
      planned *= 0.99 * density / read;
    }
    if (!best) {
      const Plan least = try_price(kHighest);
      if (least.check.density > density) {
        throw Error(ErrorKind::InvalidArgument,
                    cat("a density of ", density, " cannot be reached on ", least.check.tokens,
                        " tokens: sink, window and own chunk alone make ", least.check.density,
                        "; ask for more, or choose a smaller chunk or window"));
      }
      best = least;
    }
    return *best;
  }

  /// KL falls steadily with the price; the search is by halves of the density, the last steps by secants.
  Plan at_kl(double kl) {
    double sparse = 0;  // planned density that misses the target
    double dense = 1;   // … and one that meets it
    std::optional<Plan> best;
    double planned = 0.3;
    for (int i = 0; i < 6 && dense - sparse > 0.02 * dense; ++i) {
      Plan plan = try_price(price_of(options_, planned * causal_));
      const double ratio = plan.check.kl / kl;
      if (ratio <= 1) {
        dense = planned;
        if (!best || plan.check.density < best->check.density) best = plan;
        if (ratio > 0.9) break;
      } else {
        sparse = planned;
      }
      // KL goes about as the density to the -4: measured on SmolLM2.
      const double guess = planned * std::pow(std::clamp(1.05 * ratio, 1e-3, 1e3), 0.25);
      const double margin = 0.1 * (dense - sparse);
      planned = std::clamp(guess, sparse + margin, dense - margin);
    }
    return best ? *best : try_price(kLowest);
  }

 private:
  [[nodiscard]] Plan try_price(double price) const {
    const Choice choice = choose(options_, price);
    Plan plan{base_, {}, 0};
    const ModelConfig& model = original_.config();
    const std::int64_t all = (model.context + base_.block_size - 1) / base_.block_size * base_.block_size;
    for (std::int64_t layer = 0; layer < model.layers; ++layer) {
      std::vector<HeadPlan>& heads = plan.config.plan.emplace_back();
      for (std::int64_t head = 0; head < model.heads; ++head) {
        heads.push_back(choice.heads[static_cast<std::size_t>(layer * model.heads + head)]->plan);
        heads.back().retrieve = std::min(heads.back().retrieve, all);
      }
    }
    plan.check = meter_.measure(original_.with_attention(plan.config), job_.stage("checking a plan"));
    return plan;
  }

  const LanguageModel& original_;
  const BsbrConfig& base_;
  const Job& job_;
  Options options_;
  FidelityMeter meter_;
  double causal_;
};

}  // namespace

Plan make_plan(const LanguageModel& original, const BsbrConfig& base, std::span<const TokenId> calibration,
               std::span<const TokenId> check, const PlanTarget& target, const Job& job) {
  base.validate(original.config().context);
  if (target.density.has_value() == target.kl.has_value()) {
    throw Error(ErrorKind::InvalidArgument, "a plan needs one target, a density or a KL");
  }
  if (target.density && !(*target.density > 0 && *target.density <= 1)) {
    throw Error(ErrorKind::InvalidArgument, cat("density is ", *target.density, "; legal: above 0, up to 1"));
  }
  if (target.kl && !(*target.kl > 0)) {
    throw Error(ErrorKind::InvalidArgument, cat("quality is ", *target.kl, "; legal: above 0"));
  }
  const auto chunk = static_cast<std::size_t>(base.chunk_size);
  const std::span<const TokenId> whole = calibration.first(calibration.size() / chunk * chunk);
  const std::int64_t near = base.sink_in_blocks() + (base.window + 1) * base.chunk_size;
  if (static_cast<std::int64_t>(whole.size()) <= near + base.chunk_size) {
    throw Error(
        ErrorKind::InvalidArgument,
        cat("the calibration text has ", calibration.size(), " tokens, and of ", near + 2 * base.chunk_size,
            " on some would be far; use a longer text, a smaller chunk, or plan nothing"));
  }
  Planner planner(original, base, whole, check, job);
  Plan plan = target.density ? planner.at_density(*target.density) : planner.at_kl(*target.kl);
  plan.tokens = static_cast<std::int64_t>(whole.size());
  return plan;
}

}  // namespace bsbr
