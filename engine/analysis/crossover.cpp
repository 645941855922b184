#include "engine/analysis/crossover.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "engine/attention/attention.h"
#include "engine/model/decoder.h"
#include "engine/model/device.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

constexpr std::int64_t kLongest = 2048;
constexpr int kRuns = 5;  // of each, in turn, after one that warms up
/// Dense attention is taken where it is clearly the faster one, in view of the noise.
constexpr double kClearly = 0.97;

void attend(const Attention& attention, const AttentionInput& input, std::int64_t tokens, at::Device device) {
  const auto cache = attention.make_cache(tokens);
  const auto part = [&](const at::Tensor& x) { return x.narrow(0, 0, tokens); };
  (void)attention.forward(part(input.query), part(input.key), part(input.value), input.scale, cache.get(),
                          {});
  synchronize(device);
}

bool dense_is_faster(const Attention& dense, const Attention& sparse, const AttentionInput& input,
                     std::int64_t tokens, at::Device device, const Stopwatch& stopwatch) {
  // The least of several: what else the machine does only adds.
  double dense_ms = std::numeric_limits<double>::infinity();
  double sparse_ms = dense_ms;
  for (int run = -1; run < kRuns; ++run) {
    const double of_dense =
        stopwatch({input.layer, tokens, true}, [&] { attend(dense, input, tokens, device); });
    const double of_sparse =
        stopwatch({input.layer, tokens, false}, [&] { attend(sparse, input, tokens, device); });
    if (run < 0) continue;
    dense_ms = std::min(dense_ms, of_dense);
    sparse_ms = std::min(sparse_ms, of_sparse);
  }
  return dense_ms < kClearly * sparse_ms;
}

}  // namespace

double milliseconds(const AttentionRun& /*run*/, const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::int64_t> measure_crossover(const LanguageModel& converted, std::span<const TokenId> text,
                                            const Job& job, const Stopwatch& stopwatch) {
  const ModelConfig& config = converted.config();
  std::vector<std::int64_t> crossover(static_cast<std::size_t>(config.layers), 0);
  const bool on_cpu = converted.decoder().device().is_cpu();
  if (!config.bsbr || config.bsbr->states_only || !on_cpu) return crossover;
  const std::int64_t chunk = config.bsbr->chunk_size;
  const std::int64_t tokens =
      std::min({static_cast<std::int64_t>(text.size()), kLongest, config.context}) / chunk * chunk;
  if (tokens == 0) return crossover;
  at_torch_border([&] {
    const Decoder sparse = converted.decoder().with_attention(config.bsbr);
    const Decoder dense = converted.decoder().with_attention(std::nullopt);
    // What would run: a dense start keeps keys, values and anchors, from which states are made when a later
    // position reads them.
    const std::vector<std::int64_t> whole(crossover.size(), tokens);
    const Decoder started = converted.decoder().with_attention(config.bsbr, whole);
    Decoder::Options options;
    options.job.cancel = job.cancel;
    options.on_attention = [&](const AttentionInput& input) {
      job.report("finding where dense attention is faster",
                 static_cast<double>(input.layer) / static_cast<double>(config.layers));
      for (std::int64_t length = tokens; length >= chunk; length = length / 2 / chunk * chunk) {
        if (!dense_is_faster(started.attention(input.layer), sparse.attention(input.layer), input, length,
                             dense.device(), stopwatch))
          continue;
        crossover[static_cast<std::size_t>(input.layer)] = length;
        return;
      }
    };
    (void)dense.forward({{text.begin(), text.begin() + tokens}, {tokens}}, options);
  });
  return crossover;
}

}  // namespace bsbr
