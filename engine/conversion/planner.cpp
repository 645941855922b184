#include "engine/conversion/planner.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/conversion/head_needs.h"

namespace bsbr {
namespace {

/// What an error counts where a passage is read again, against one in text; where recall misses its target
/// after all, ten times that and so on. Measured on SmolLM2, from 0.1 to 10 recall is kept at any density, at
/// an expense in KL that only shows at 10.
constexpr double kRecallWeight = 0.3;
constexpr double kMostRecallWeight = 30;

/// The calibration text in whole chunks.
std::span<const TokenId> whole_chunks(const std::vector<TokenId>& text, const BsbrConfig& base) {
  const auto chunk = static_cast<std::size_t>(base.chunk_size);
  return {text.data(), text.size() / chunk * chunk};
}

/// Tokens of which some are far, and a chunk more.
std::int64_t least_tokens(const BsbrConfig& base) {
  return base.sink_in_blocks() + (base.window + 3) * base.chunk_size;
}

/// Runs plans on the check texts until one meets the target.
class Search {
 public:
  Search(const LanguageModel& original, const HeadNeeds& needs, const PlanTexts& texts,
         const RecallMeter& recall, const Job& job)
      : original_(original), needs_(needs), recall_(recall), job_(job), meter_(original, texts.check, job) {}

  Plan at_density(double density, double recall) {
    double planned = density;
    while (true) {
      Plan plan = nearest(density, planned);
      check_recall(plan);
      if (recall_ratio(plan, recall) <= 1 || !raise_weight()) return plan;
    }
  }

  /// KL falls steadily with the density; the search is by guesses between what misses and what meets.
  Plan at_kl(double kl, double recall) {
    double sparse = 0;  // planned density that misses the target
    double dense = 1;   // … and one that meets it
    std::optional<Plan> best;
    double planned = 0.15;
    for (int i = 0; i < 7 && dense - sparse > 0.02 * dense; ++i) {
      Plan plan = check(needs_.at_density(planned, weight_));
      double ratio = plan.check.kl / kl;
      if (ratio <= 1) {
        check_recall(plan);
        if (recall_ratio(plan, recall) > 1 && raise_weight()) continue;
        ratio = std::max(ratio, recall_ratio(plan, recall));
      }
      if (ratio <= 1) {
        dense = planned;
        if (!best || plan.check.density < best->check.density) best = plan;
        if (ratio > 0.85) break;
      } else {
        sparse = planned;
      }
      // KL goes about as the density to the -4: measured on SmolLM2.
      const double guess = planned * std::pow(std::clamp(1.05 * ratio, 1e-3, 1e3), 0.25);
      const double margin = 0.1 * (dense - sparse);
      planned = std::clamp(guess, sparse + margin, dense - margin);
    }
    if (!best) {
      best = check(needs_.densest());
      check_recall(*best);
    }
    return *best;
  }

 private:
  /// The plan that reads just less than a density. Thresholds read more of one text and less of another, so
  /// `planned` is corrected by what was read.
  Plan nearest(double density, double& planned) const {
    std::optional<Plan> best;
    for (int i = 0; i < 5; ++i) {
      Plan plan = check(needs_.at_density(planned, weight_));
      const double read = plan.check.density;
      if (read <= density && (!best || read > best->check.density)) best = plan;
      if (read <= density && read > 0.97 * density) break;
      planned *= 0.99 * density / read;
    }
    if (best) return *best;
    Plan least = check(needs_.sparsest());
    if (least.check.density > density) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("a density of ", density, " cannot be reached on ", least.check.tokens,
                      " tokens: sink, window and own chunk alone make ", least.check.density,
                      "; ask for more, or choose a smaller chunk or window"));
    }
    return least;
  }

  [[nodiscard]] Plan check(BsbrConfig config) const {
    Plan plan{std::move(config), {}, {}, 0};
    plan.check = meter_.measure(original_.with_attention(plan.config), job_.stage("checking a plan"));
    return plan;
  }
  void check_recall(Plan& plan) const {
    if (!recall_.solved()) return;
    plan.recall = recall_.measure(original_.with_attention(plan.config), job_.stage("checking recall"));
  }
  static double recall_ratio(const Plan& plan, double recall) {
    return plan.recall ? plan.recall->worst() / recall : 0;
  }
  /// Returns whether it could be.
  bool raise_weight() {
    if (10 * weight_ > kMostRecallWeight) return false;
    weight_ *= 10;
    return true;
  }

  const LanguageModel& original_;
  const HeadNeeds& needs_;
  const RecallMeter& recall_;
  const Job& job_;
  FidelityMeter meter_;
  double weight_ = kRecallWeight;
};

}  // namespace

struct Planner::Content {
  Content(const LanguageModel& model, const BsbrConfig& base, PlanTexts given, const Job& job)
      : original(model),
        texts(std::move(given)),
        calibration(whole_chunks(texts.calibration, base)),
        recall(model, texts.recall_check, job.stage("seeing whether the original recalls")),
        needs(model, base, calibration, recall.solved() ? texts.recall : RecallText(), job) {}

  LanguageModel original;
  PlanTexts texts;
  std::span<const TokenId> calibration;
  RecallMeter recall;
  HeadNeeds needs;
};

Planner::Planner(const LanguageModel& original, const BsbrConfig& base, PlanTexts texts, const Job& job) {
  base.validate(original.config().context);
  if (!can_plan(base, texts)) {
    throw Error(
        ErrorKind::InvalidArgument,
        cat("the calibration text has ", texts.calibration.size(), " tokens, and of ", least_tokens(base),
            " on some would be far; use a longer text, a smaller chunk, or plan nothing"));
  }
  content_ = std::make_unique<const Content>(original, base, std::move(texts), job);
}
Planner::Planner(Planner&&) noexcept = default;
Planner& Planner::operator=(Planner&&) noexcept = default;
Planner::~Planner() = default;

bool Planner::can_plan(const BsbrConfig& base, const PlanTexts& texts) {
  return static_cast<std::int64_t>(whole_chunks(texts.calibration, base).size()) >
         least_tokens(base) - base.chunk_size;
}

double Planner::least_density() const {
  return content_->needs.least_density();
}

BsbrConfig Planner::unchecked(double density) const {
  return content_->needs.at_density(density, kRecallWeight);
}

Plan Planner::make(const PlanTarget& target, const Job& job) const {
  target.validate();
  Search search(content_->original, content_->needs, content_->texts, content_->recall, job);
  Plan plan = target.density ? search.at_density(*target.density, target.recall)
                             : search.at_kl(*target.kl, target.recall);
  plan.tokens = static_cast<std::int64_t>(content_->calibration.size());
  return plan;
}

Plan make_plan(const LanguageModel& original, const BsbrConfig& base, PlanTexts texts,
               const PlanTarget& target, const Job& job) {
  target.validate();
  return Planner(original, base, std::move(texts), job).make(target, job);
}

}  // namespace bsbr
