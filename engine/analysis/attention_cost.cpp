#include "engine/analysis/attention_cost.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/analysis/memory_meter.h"
#include "engine/model/decoder.h"
#include "engine/model/device.h"
#include "engine/model/linear.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kWindow = 1024;

/// Queries, keys and values of the whole text, [tokens, heads, head_dim].
AttentionInput layer_input(const Decoder& decoder, std::span<const TokenId> ids, std::int64_t layer,
                           const Job& job) {
  const ModelConfig& config = decoder.config();
  const auto tokens = static_cast<std::int64_t>(ids.size());
  const at::TensorOptions elements = at::TensorOptions(decoder.dtype()).device(decoder.device());
  AttentionInput all{layer,
                     {},
                     at::empty({tokens, config.heads, config.head_dim}, elements),
                     at::empty({tokens, config.kv_heads, config.head_dim}, elements),
                     at::empty({tokens, config.kv_heads, config.head_dim}, elements),
                     0};
  for (std::int64_t begin = 0; begin < tokens; begin += kWindow) {
    job.report("making a layer's input", static_cast<double>(begin) / static_cast<double>(tokens));
    const std::int64_t count = std::min(kWindow, tokens - begin);
    Sequence sequence = decoder.make_sequence(count);
    sequence.tokens = begin;
    Sequence* const sequences[] = {&sequence};
    Decoder::Options options;
    options.sequences = sequences;
    options.beyond_context = true;
    options.job.cancel = job.cancel;
    options.on_attention = [&](const AttentionInput& input) {
      if (input.layer != layer) return;
      all.query.narrow(0, begin, count).copy_(input.query);
      all.key.narrow(0, begin, count).copy_(input.key);
      all.value.narrow(0, begin, count).copy_(input.value);
      all.scale = input.scale;
    };
    const auto part = ids.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
    (void)decoder.forward({{part.begin(), part.end()}, {count}}, options);
  }
  return all;
}

/// One model's attention under measurement.
struct Subject {
  const Attention& attention;
  at::Device device;
  std::vector<double> ms;
  double spent_ms = 0;
  double scoring_ms = 0, exact_ms = 0;  // sums
  AttentionCost cost;

  void run(const AttentionInput& input, bool counts) {
    const std::int64_t tokens = input.query.size(0);
    std::vector<PairCount> pairs(static_cast<std::size_t>(input.query.size(1)));
    const MemoryMeter meter;
    synchronize(device);
    const auto start = Clock::now();
    const auto cache = attention.make_cache(tokens);
    double scoring = 0;
    double exact = 0;
    const at::Tensor out = attention.forward(input.query, input.key, input.value, input.scale, cache.get(),
                                             {pairs, &scoring, &exact});
    synchronize(device);
    const double taken = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    spent_ms += taken;
    if (!counts && taken < kNoWarmUpMs) return;
    ms.push_back(taken);
    scoring_ms += 1e3 * scoring;
    exact_ms += 1e3 * exact;
    cost.scratch_bytes = std::max(
        cost.scratch_bytes, meter.peak_bytes() - cache->bytes() - static_cast<std::int64_t>(out.nbytes()));
    cost.density = density_of(pairs);
    cost.exact_flops = 0;
    for (const PairCount& pair : pairs)
      cost.exact_flops += 4.0 * static_cast<double>(input.query.size(2)) * static_cast<double>(pair.exact);
  }
};

}  // namespace

std::vector<AttentionCost> measure_attention(std::span<const LanguageModel* const> models,
                                             std::span<const TokenId> ids,
                                             const AttentionCostOptions& options, const Job& job) {
  const ModelConfig& config = models.front()->config();
  if (options.layer < 0 || options.layer >= config.layers) {
    throw Error(ErrorKind::InvalidArgument,
                cat("layer is ", options.layer, "; legal: 0 to ", config.layers - 1));
  }
  if (ids.empty()) throw Error(ErrorKind::InvalidArgument, "there are no tokens to measure with");
  return at_torch_border([&] {
    const AttentionInput input = layer_input(models.front()->decoder(), ids, options.layer, job);
    std::vector<Subject> subjects;
    subjects.reserve(models.size());
    for (const LanguageModel* model : models) {
      const Decoder& decoder = model->decoder();
      subjects.push_back({decoder.attention(options.layer), decoder.device(), {}, 0, 0, 0, {}});
    }
    const auto enough = [&](const Subject& subject) {
      return enough_runs(subject.ms.size(), subject.spent_ms, options.repetitions, options.most_seconds);
    };
    for (int run = 0; !std::all_of(subjects.begin(), subjects.end(), enough); ++run) {
      job.report("timing attention", std::min(1.0, static_cast<double>(run) / (options.repetitions + 1)));
      for (Subject& subject : subjects) {
        if (!enough(subject)) subject.run(input, run > 0);
      }
    }
    std::vector<AttentionCost> costs;
    for (Subject& subject : subjects) {
      subject.cost.ms = spread(subject.ms);
      const auto runs = static_cast<double>(subject.ms.size());
      subject.cost.scoring_ms = subject.scoring_ms / runs;
      subject.cost.exact_ms = subject.exact_ms / runs;
      costs.push_back(subject.cost);
    }
    return costs;
  });
}

nlohmann::json AttentionCost::to_json() const {
  return {{"ms", ms.to_json()},   {"scoring_ms", scoring_ms},
          {"exact_ms", exact_ms}, {"scratch_bytes", scratch_bytes},
          {"density", density},   {"exact_flops", exact_flops}};
}

double matrix_product_flops() {
  return at_torch_border([] {
    constexpr std::int64_t kSize = 1024;
    constexpr int kRuns = 8;
    const at::Tensor a = at::ones({kSize, kSize});
    double best = 0;
    for (int run = 0; run < kRuns; ++run) {
      const auto start = Clock::now();
      (void)bsbr::linear(a, a);
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      best = std::max(best, 2.0 * kSize * kSize * kSize / seconds);
    }
    return best;
  });
}

}  // namespace bsbr
