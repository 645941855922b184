#include "engine/conversion/head_needs.h"

#include <algorithm>
#include <cmath>

#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

using Options = std::vector<std::vector<HeadOption>>;

/// `queries` as in measure_options.
Options measure(const LanguageModel& original, const BsbrConfig& base, std::span<const TokenId> text,
                std::span<const std::int64_t> queries, const Job& job) {
  return at_torch_border([&] {
    const Decoder& decoder = original.decoder();
    Options all;
    Decoder::Options options;
    options.job = job;
    options.on_attention = [&](const AttentionInput& input) {
      const auto& layer = decoder.weights().layers[static_cast<std::size_t>(input.layer)];
      for (auto& head : measure_options(input, decoder.attention_shape(), layer.attention_out, base, queries))
        all.push_back(std::move(head));
    };
    (void)decoder.forward({{text.begin(), text.end()}, {static_cast<std::int64_t>(text.size())}}, options);
    return all;
  });
}

/// Positions that predict what a second reading can know, evenly thinned out to so many at most.
std::vector<std::int64_t> recalling_queries(const RecallText& recall) {
  constexpr std::size_t kMost = 256;
  std::vector<std::int64_t> all;
  for (const RecallText::Passage& passage : recall.passages) {
    for (std::int64_t i = 0; i + 1 < kRecallPassage; ++i) all.push_back(passage.second + i);
  }
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> some;
  const std::size_t count = std::min(kMost, all.size());
  some.reserve(count);
  for (std::size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

constexpr double kLowest = 1e-14, kHighest = 1e3;  // prices at which heads read all and next to nothing

}  // namespace

/// One option for each head.
struct HeadNeeds::Choice {
  std::vector<const HeadOption*> heads;
  double pairs = 0;  // of a query, mean over heads
};

HeadNeeds::HeadNeeds(const LanguageModel& original, const BsbrConfig& base, std::span<const TokenId> text,
                     const RecallText& recall, const Job& job)
    : base_(base),
      context_(original.config().context),
      heads_(original.config().heads),
      causal_((static_cast<double>(text.size()) + 1) / 2),
      in_text_(measure(original, base, text, {}, job.stage("measuring what each head needs"))) {
  if (recall.passages.empty()) return;
  const Options in_recall = measure(original, base, recall.ids, recalling_queries(recall),
                                    job.stage("measuring what each head needs to recall"));
  for (const std::vector<HeadOption>& head : in_recall) {
    std::vector<double>& errors = recall_error_.emplace_back();
    for (const HeadOption& option : head) errors.push_back(option.error);
  }
}

/// The best for every head when a pair costs so much error.
HeadNeeds::Choice HeadNeeds::choose(double price, double recall_weight) const {
  Choice choice;
  for (std::size_t head = 0; head < in_text_.size(); ++head) {
    const std::vector<HeadOption>& options = in_text_[head];
    const auto cost = [&](std::size_t i) {
      const double recall = recall_error_.empty() ? 0 : recall_weight * recall_error_[head][i];
      return options[i].error + recall + price * options[i].pairs;
    };
    std::size_t best = 0;
    for (std::size_t i = 1; i < options.size(); ++i) {
      if (cost(i) < cost(best)) best = i;
    }
    choice.heads.push_back(&options[best]);
    choice.pairs += options[best].pairs / static_cast<double>(in_text_.size());
  }
  return choice;
}

BsbrConfig HeadNeeds::plan_of(const Choice& choice) const {
  BsbrConfig config = base_;
  const std::int64_t all = (context_ + base_.block_size - 1) / base_.block_size * base_.block_size;
  for (std::size_t head = 0; head < choice.heads.size(); ++head) {
    if (head % static_cast<std::size_t>(heads_) == 0) config.plan.emplace_back();
    config.plan.back().push_back(choice.heads[head]->plan);
    config.plan.back().back().retrieve = std::min(config.plan.back().back().retrieve, all);
  }
  return config;
}

/// At the lowest price at which no more is read.
BsbrConfig HeadNeeds::at_density(double density, double recall_weight) const {
  double low = std::log(kLowest);
  double high = std::log(kHighest);
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    (choose(std::exp(middle), recall_weight).pairs > density * causal_ ? low : high) = middle;
  }
  return plan_of(choose(std::exp(high), recall_weight));
}

double HeadNeeds::least_density() const {
  return choose(kHighest, 0).pairs / causal_;
}

BsbrConfig HeadNeeds::sparsest() const {
  return plan_of(choose(kHighest, 0));
}

BsbrConfig HeadNeeds::densest() const {
  return plan_of(choose(kLowest, 0));
}

}  // namespace bsbr
