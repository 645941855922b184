#include "engine/conversion/sweep.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace bsbr {
namespace {

struct Setting {
  SweepKind kind;
  double value;
  BsbrConfig config;
};

bool is_legal(const BsbrConfig& config, std::int64_t context) {
  try {
    config.validate(context);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::vector<Setting> uniform_settings(const BsbrConfig& base, const SweepOptions& options,
                                      std::int64_t tokens) {
  std::vector<Setting> settings;
  for (const std::int64_t budget : options.budgets) {
    if (budget >= tokens) continue;
    BsbrConfig config = base;
    config.retrieve = budget;
    settings.push_back({SweepKind::Uniform, static_cast<double>(budget), config});
  }
  return settings;
}

std::vector<Setting> states_only_settings(const BsbrConfig& base, const SweepOptions& options) {
  std::vector<Setting> settings;
  for (const std::int64_t factor : options.factors) {
    BsbrConfig config = base;
    config.states_only = true;
    config.compression_factor = factor;
    settings.push_back({SweepKind::StatesOnly, static_cast<double>(factor), config});
  }
  return settings;
}

std::vector<Setting> planned_settings(const Planner& planner, const SweepOptions& options) {
  std::vector<Setting> settings;
  for (const double density : options.densities) {
    if (density > planner.least_density())
      settings.push_back({SweepKind::Planned, density, planner.unchecked(density)});
  }
  return settings;
}

/// Of keys and values in float32.
std::int64_t dense_cache_bytes(const ModelConfig& model, std::int64_t tokens) {
  return 2 * model.layers * model.kv_heads * model.head_dim * tokens *
         static_cast<std::int64_t>(sizeof(float));
}

/// Short, without zeros at the end.
std::string number(double value) {
  std::array<char, 32> text{};
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.6g", value))};
}

const char* word_of(SweepKind kind) {
  switch (kind) {
    case SweepKind::Uniform:
      return "uniform";
    case SweepKind::Planned:
      return "planned";
    case SweepKind::StatesOnly:
      break;
  }
  return "states only";
}

}  // namespace

std::string SweepPoint::name() const {
  switch (kind) {
    case SweepKind::Uniform:
      return cat("uniform, ", number(setting), " tokens");
    case SweepKind::Planned:
      return cat("planned, ", number(100 * setting), " %");
    case SweepKind::StatesOnly:
      break;
  }
  return cat("states only, 1/", number(setting));
}

nlohmann::json SweepPoint::to_json() const {
  return {{"kind", word_of(kind)},
          {"setting", setting},
          {"name", name()},
          {"density", fidelity.density},
          {"kl", fidelity.kl},
          {"perplexity_ratio", fidelity.perplexity_ratio()},
          {"top1_agreement", fidelity.top1_agreement},
          {"cache_bytes", cache_bytes}};
}

std::vector<bool> Sweep::pareto() const {
  const auto costs = [](const SweepPoint& point) {
    return std::array{point.fidelity.density, point.fidelity.kl, static_cast<double>(point.cache_bytes)};
  };
  const auto beats = [&](const SweepPoint& a, const SweepPoint& b) {
    const auto x = costs(a);
    const auto y = costs(b);
    return x != y && std::equal(x.begin(), x.end(), y.begin(), std::less_equal<>());
  };
  std::vector<bool> result;
  result.reserve(points.size());
  for (const SweepPoint& point : points) {
    result.push_back(std::none_of(points.begin(), points.end(),
                                  [&](const SweepPoint& other) { return beats(other, point); }));
  }
  return result;
}

nlohmann::json Sweep::to_json() const {
  nlohmann::json all = nlohmann::json::array();
  const std::vector<bool> best = pareto();
  for (std::size_t i = 0; i < points.size(); ++i) {
    all.push_back(points[i].to_json());
    all.back()["pareto"] = static_cast<bool>(best[i]);
  }
  return {{"tokens", tokens},
          {"original", {{"perplexity", original_perplexity}, {"cache_bytes", original_cache_bytes}}},
          {"points", std::move(all)}};
}

Sweep sweep(const LanguageModel& original, const BsbrConfig& base, PlanTexts texts,
            std::span<const TokenId> ids, const SweepOptions& options,
            const std::function<void(const SweepPoint&)>& on_point, const Job& job) {
  base.validate(original.config().context);
  for (const double density : options.densities) PlanTarget{density, {}}.validate();
  BsbrConfig plain = base;
  plain.retrieve = 0;
  plain.states_only = false;
  plain.plan.clear();
  const auto tokens = static_cast<std::int64_t>(ids.size());
  const FidelityMeter meter(original, ids, job, options.from);
  Sweep result{tokens, 0, dense_cache_bytes(original.config(), tokens), {}};
  std::vector<BsbrConfig> tried;
  const auto run = [&](const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) {
      const bool again = std::find(tried.begin(), tried.end(), setting.config) != tried.end();
      if (again || !is_legal(setting.config, original.config().context)) continue;
      tried.push_back(setting.config);
      SweepPoint point{setting.kind, setting.value, setting.config, {}, 0};
      point.fidelity = meter.measure(original.with_attention(setting.config), job.within(point.name()),
                                     nullptr, &point.cache_bytes);
      result.original_perplexity = point.fidelity.original_perplexity;
      if (on_point) on_point(point);
      result.points.push_back(std::move(point));
    }
  };
  run(uniform_settings(plain, options, tokens));
  run(states_only_settings(plain, options));
  if (!options.densities.empty() && Planner::can_plan(plain, texts))
    run(planned_settings(Planner(original, plain, std::move(texts), job), options));
  return result;
}

}  // namespace bsbr
