#include "engine/analysis/cost.h"

#include <algorithm>
#include <chrono>

#include "engine/analysis/memory_meter.h"
#include "engine/base/statistics.h"
#include "engine/model/decoder.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Appends tokens to a sequence; returns when the logits after the last of them are on the host.
void advance(const Decoder& decoder, std::span<const TokenId> ids, Sequence& sequence, const Job& job) {
  Sequence* const sequences[] = {&sequence};
  Decoder::Options options;
  options.sequences = sequences;
  options.job.cancel = job.cancel;
  const auto count = static_cast<std::int64_t>(ids.size());
  const at::Tensor hidden = decoder.forward({{ids.begin(), ids.end()}, {count}}, options);
  (void)decoder.head(hidden.narrow(0, count - 1, 1)).to(at::kCPU);
}

}  // namespace

std::vector<Cost> measure_cost(std::span<const LanguageModel* const> models, std::span<const TokenId> ids,
                               const CostOptions& options, const Job& job) {
  if (ids.empty()) throw Error(ErrorKind::InvalidArgument, "there are no tokens to measure with");
  return at_torch_border([&] {
    const auto tokens = static_cast<std::int64_t>(ids.size());
    std::vector<std::vector<double>> prefill(models.size());
    std::vector<std::int64_t> peak(models.size(), 0);
    std::vector<std::int64_t> cache(models.size(), 0);
    const int runs = std::max(1, options.repetitions) + 1;
    for (int run = 0; run < runs; ++run) {
      for (std::size_t m = 0; m < models.size(); ++m) {
        job.report("timing prefill",
                   (run + static_cast<double>(m) / static_cast<double>(models.size())) / runs);
        const MemoryMeter meter;
        const auto start = Clock::now();
        Sequence sequence = models[m]->decoder().make_sequence(tokens);
        advance(models[m]->decoder(), ids, sequence, job);
        if (run > 0) prefill[m].push_back(ms_since(start));
        cache[m] = sequence.bytes();
        peak[m] = std::max(peak[m], meter.peak_bytes());
      }
    }

    const std::int64_t steps = std::min(options.decode_tokens, tokens / 2);
    std::vector<std::vector<double>> decode(models.size());
    std::vector<Sequence> sequences;
    for (const LanguageModel* model : models) {
      job.check();
      sequences.push_back(model->decoder().make_sequence(tokens));
      if (steps > 0)
        advance(model->decoder(), ids.first(static_cast<std::size_t>(tokens - steps)), sequences.back(), job);
    }
    for (std::int64_t step = 0; step < steps; ++step) {
      job.report("timing decoding", static_cast<double>(step) / static_cast<double>(steps));
      for (std::size_t m = 0; m < models.size(); ++m) {
        const auto start = Clock::now();
        advance(models[m]->decoder(), ids.subspan(static_cast<std::size_t>(tokens - steps + step), 1),
                sequences[m], job);
        if (step > 0 || steps == 1) decode[m].push_back(ms_since(start));
      }
    }
    std::vector<Cost> costs;
    for (std::size_t m = 0; m < models.size(); ++m)
      costs.push_back({median(prefill[m]), median(decode[m]), cache[m], peak[m]});
    return costs;
  });
}

}  // namespace bsbr
