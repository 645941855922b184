#include "engine/analysis/fidelity_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bsbr {
namespace {

template <class Of>
Estimate estimate_of(const std::vector<Fidelity>& passages, const Of& of) {
  std::vector<double> values;
  values.reserve(passages.size());
  for (const Fidelity& passage : passages) values.push_back(of(passage));
  return estimate(values);
}

LengthFidelity summarise(const std::vector<Fidelity>& passages,
                         const std::vector<std::vector<HeadFidelity>>& heads) {
  const Fidelity& first = passages.front();
  LengthFidelity result{first.tokens,
                        static_cast<std::int64_t>(passages.size()),
                        estimate_of(passages, [](const Fidelity& x) { return x.original_perplexity; }),
                        estimate_of(passages, [](const Fidelity& x) { return x.converted_perplexity; }),
                        estimate_of(passages, [](const Fidelity& x) { return x.perplexity_ratio(); }),
                        estimate_of(passages, [](const Fidelity& x) { return x.kl; }),
                        estimate_of(passages, [](const Fidelity& x) { return x.top1_agreement; }),
                        estimate_of(passages, [](const Fidelity& x) { return x.density; }),
                        {},
                        heads.front()};
  for (std::size_t i = 0; i < first.positions.size(); ++i) {
    result.positions.push_back(
        {first.positions[i].from, first.positions[i].to,
         estimate_of(passages, [&](const Fidelity& x) { return x.positions[i].original; }),
         estimate_of(passages, [&](const Fidelity& x) { return x.positions[i].converted; }),
         estimate_of(passages,
                     [&](const Fidelity& x) { return x.positions[i].converted / x.positions[i].original; })});
  }
  const auto count = static_cast<double>(passages.size());
  for (std::size_t i = 0; i < result.heads.size(); ++i) {
    HeadFidelity& mean = result.heads[i];
    mean.density = mean.error = mean.lost_mass = 0;
    for (const std::vector<HeadFidelity>& passage : heads) {
      mean.density += passage[i].density / count;
      mean.error += passage[i].error / count;
      mean.lost_mass += passage[i].lost_mass / count;
    }
  }
  return result;
}

template <class Part>
nlohmann::json part_json(const Part& part) {
  return {
      {"layer", part.layer}, {"density", part.density}, {"error", part.error}, {"lost_mass", part.lost_mass}};
}

}  // namespace

std::vector<LayerFidelity> LengthFidelity::layers() const {
  std::vector<LayerFidelity> result;
  for (std::size_t begin = 0; begin < heads.size();) {
    LayerFidelity layer{heads[begin].layer, 0, 0, 0};
    std::size_t end = begin;
    for (; end < heads.size() && heads[end].layer == layer.layer; ++end) {
      layer.density += heads[end].density;
      layer.error += heads[end].error;
      layer.lost_mass += heads[end].lost_mass;
    }
    for (double* sum : {&layer.density, &layer.error, &layer.lost_mass})
      *sum /= static_cast<double>(end - begin);
    result.push_back(layer);
    begin = end;
  }
  return result;
}

nlohmann::json LengthFidelity::to_json() const {
  nlohmann::json ranges = nlohmann::json::array();
  for (const RangeEstimate& range : positions) {
    ranges.push_back({{"from", range.from},
                      {"to", range.to},
                      {"original", range.original.to_json()},
                      {"converted", range.converted.to_json()},
                      {"ratio", range.ratio.to_json()}});
  }
  nlohmann::json of_layers = nlohmann::json::array();
  for (const LayerFidelity& layer : layers()) of_layers.push_back(part_json(layer));
  nlohmann::json of_heads = nlohmann::json::array();
  for (const HeadFidelity& head : heads) {
    of_heads.push_back(part_json(head));
    of_heads.back()["head"] = head.head;
  }
  return {{"tokens", tokens},
          {"passages", passages},
          {"original_perplexity", original_perplexity.to_json()},
          {"converted_perplexity", converted_perplexity.to_json()},
          {"perplexity_ratio", perplexity_ratio.to_json()},
          {"kl", kl.to_json()},
          {"top1_agreement", top1_agreement.to_json()},
          {"density", density.to_json()},
          {"positions", std::move(ranges)},
          {"layers", std::move(of_layers)},
          {"heads", std::move(of_heads)}};
}

namespace {

std::vector<TokenId> passage_of(std::span<const TokenId> ids, std::int64_t begin, std::int64_t length,
                                std::optional<TokenId> beginning) {
  const auto part = ids.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length));
  std::vector<TokenId> passage(part.begin(), part.end());
  if (begin > 0 && beginning) {
    passage.pop_back();
    passage.insert(passage.begin(), *beginning);
  }
  return passage;
}

}  // namespace

std::vector<LengthFidelity> measure_lengths(const LanguageModel& original, const LanguageModel& converted,
                                            std::span<const TokenId> ids,
                                            std::span<const std::int64_t> lengths,
                                            const PassageOptions& options, const Job& job) {
  const auto there = static_cast<std::int64_t>(ids.size());
  if (options.passages < 1)
    throw Error(ErrorKind::InvalidArgument, cat("passages are ", options.passages, "; legal: 1 or more"));
  std::vector<LengthFidelity> result;
  for (const std::int64_t length : lengths) {
    if (length < 2 || length > there) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("a length is ", length, " tokens; legal: 2 to ", there, ", the text's"));
    }
    const std::int64_t count = std::min(options.passages, there / length);
    std::vector<Fidelity> passages;
    std::vector<std::vector<HeadFidelity>> heads(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      const Job part = job.within(cat(length, " tokens, passage ", i + 1, " of ", count));
      const std::vector<TokenId> passage = passage_of(ids, i * length, length, options.beginning);
      passages.push_back(FidelityMeter(original, passage, part, options.from)
                             .measure(converted, part, &heads[static_cast<std::size_t>(i)]));
    }
    result.push_back(summarise(passages, heads));
  }
  return result;
}

}  // namespace bsbr
