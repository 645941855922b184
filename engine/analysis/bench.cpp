#include "engine/analysis/bench.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace bsbr {
namespace {

nlohmann::json parts_json(const PartSeconds& parts, double total_ms) {
  const double known = parts.attention + parts.projections + parts.mlp + parts.head;
  return {{"attention", 1e3 * parts.attention},
          {"scoring", 1e3 * parts.scoring},
          {"projections", 1e3 * parts.projections},
          {"mlp", 1e3 * parts.mlp},
          {"head", 1e3 * parts.head},
          {"other", std::max(0.0, total_ms - 1e3 * known)}};
}

nlohmann::json cost_json(const Cost& cost) {
  return {{"prefill_ms", cost.prefill_ms.to_json()},
          {"decode_ms", cost.decode_ms.to_json()},
          {"prefill_parts_ms", parts_json(cost.prefill_parts, cost.prefill_ms.median)},
          {"decode_parts_ms", parts_json(cost.decode_parts, cost.decode_ms.median)},
          {"cache_bytes", cost.cache_bytes},
          {"peak_bytes", cost.peak_bytes},
          {"density", cost.density}};
}

void check_length(const ModelConfig& model, std::int64_t length) {
  if (length < 1 || (length > model.context && !model.rope)) {
    throw Error(ErrorKind::InvalidArgument,
                cat("a length is ", length, "; legal: 1 to ", model.context, ", the model's context"));
  }
}

}  // namespace

std::vector<TokenId> repeated(std::span<const TokenId> text, std::int64_t begin, std::int64_t count) {
  std::vector<TokenId> ids;
  ids.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = begin; i < begin + count; ++i)
    ids.push_back(text[static_cast<std::size_t>(i) % text.size()]);
  return ids;
}

double fit_exponent(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 2) return 0;
  const auto n = static_cast<double>(x.size());
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += std::log(x[i]) / n;
    mean_y += std::log(y[i]) / n;
  }
  double products = 0;
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double away = std::log(x[i]) - mean_x;
    products += away * (std::log(y[i]) - mean_y);
    squares += away * away;
  }
  return squares > 0 ? products / squares : 0;
}

double Bench::prefill_exponent(std::size_t model, std::int64_t from) const {
  std::vector<double> lengths;
  std::vector<double> times;
  for (const BenchPoint& point : points) {
    if (point.tokens < from) continue;
    lengths.push_back(static_cast<double>(point.tokens));
    times.push_back(point.costs[model].prefill_ms.median);
  }
  return fit_exponent(lengths, times);
}

nlohmann::json Bench::to_json() const {
  nlohmann::json rows = nlohmann::json::array();
  for (const BenchPoint& point : points) {
    nlohmann::json row{{"tokens", point.tokens}};
    for (std::size_t m = 0; m < models.size(); ++m) {
      row[models[m]] = cost_json(point.costs[m]);
      if (!point.predicted.empty()) row[models[m]]["predicted"] = point.predicted[m].to_json();
    }
    rows.push_back(std::move(row));
  }
  nlohmann::json exponents;
  for (std::size_t m = 0; m < models.size(); ++m) exponents[models[m]] = prefill_exponent(m);
  return {{"machine", machine.to_json()},
          {"models", models},
          {"lengths", std::move(rows)},
          {"prefill_exponent", std::move(exponents)}};
}

Bench measure_bench(std::span<const BenchModel> models, std::span<const TokenId> text,
                    const BenchOptions& options, const Job& job) {
  if (text.empty()) throw Error(ErrorKind::InvalidArgument, "the text has no tokens");
  std::vector<const LanguageModel*> measured;
  Bench bench{this_machine(), {}, {}};
  for (const BenchModel& model : models) {
    for (const std::int64_t length : options.lengths) check_length(model.model->config(), length);
    bench.models.push_back(model.name);
    measured.push_back(model.model);
  }
  std::vector<Ceilings> ceilings;
  for (const LanguageModel* model : measured) {
    if (options.predict) ceilings.push_back(measure_ceilings(*model, job));
  }
  for (const std::int64_t length : options.lengths) {
    const ModelConfig& config = measured.front()->config();
    const std::int64_t room = config.rope ? options.decode_tokens : config.context - length;
    const std::vector<TokenId> ids = repeated(text, 0, length);
    const std::vector<TokenId> following = repeated(text, length, std::min(room, options.decode_tokens));
    const CostOptions cost{options.repetitions, options.most_seconds, options.decode_tokens, following, true};
    BenchPoint point{length, measure_cost(measured, ids, cost, job.within(cat(length, " tokens"))), {}};
    for (std::size_t m = 0; m < ceilings.size(); ++m)
      point.predicted.push_back(predict_cost(*measured[m], ceilings[m], length, point.costs[m].density));
    bench.points.push_back(std::move(point));
    if (options.on_point) options.on_point(bench.points.back());
  }
  return bench;
}

}  // namespace bsbr
