#include "engine/analysis/cost_model.h"

#include <ATen/ops/randn.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "engine/attention/attention.h"
#include "engine/kernels/zones.h"
#include "engine/model/decoder.h"
#include "engine/model/device.h"
#include "engine/model/linear.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kFloat = sizeof(float);

/// The shortest of several times, after one more.
double fastest_seconds(at::Device device, const std::function<void()>& work) {
  constexpr int kRuns = 3;
  double best = 1e30;
  for (int run = 0; run <= kRuns; ++run) {
    const auto start = Clock::now();
    work();
    synchronize(device);
    if (run > 0) best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

/// Weights of a decoder's linear layers, counted.
struct Weights {
  double projections = 0, mlp = 0, head = 0;
};

Weights count_weights(const Decoder& decoder) {
  Weights count;
  const auto of = [](const Linear& linear) {
    return linear.weight.defined() ? static_cast<double>(linear.weight.numel()) : 0.0;
  };
  for (const DecoderLayer& layer : decoder.weights().layers) {
    for (const Linear& part : layer.qkv) count.projections += of(part);
    count.projections += of(layer.attention_out);
    count.mlp += of(layer.mlp_in) + of(layer.mlp_gate) + of(layer.mlp_out);
  }
  count.head = static_cast<double>(decoder.weights().head.numel());
  return count;
}

/// Of `plan` the query at a position.
double states_at(const BsbrConfig& config, const HeadPlan& plan, std::int64_t position) {
  const zones::Layout<std::int64_t> layout{config.chunk_size, config.block_size, config.window,
                                           config.sink_in_blocks(), config.candidate_chunks};
  const auto zones =
      zones::divide<std::int64_t>(layout, {plan.retrieve, plan.threshold > 0, plan.states}, position);
  return static_cast<double>(zones::scored_states(zones, config.chunk_size / config.compression_factor));
}

/// States that all heads of all layers score, in a prefill and for the token after it.
struct Scored {
  double prefill = 0, next = 0;
};

Scored count_scored(const ModelConfig& model, std::int64_t tokens) {
  // Heads whose plans score alike are counted once.
  std::map<std::tuple<std::int64_t, bool, bool>, std::pair<HeadPlan, double>> kinds;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) {
    for (const HeadPlan& plan : model.bsbr->heads_of(layer, model.heads)) {
      auto& [of, heads] = kinds[{plan.retrieve, plan.threshold > 0, plan.states}];
      of = plan;
      heads += 1;
    }
  }
  Scored scored;
  for (const auto& [key, kind] : kinds) {
    const auto& [plan, heads] = kind;
    scored.prefill += heads * scored_states(*model.bsbr, plan, tokens);
    scored.next += heads * states_at(*model.bsbr, plan, tokens);
  }
  return scored;
}

}  // namespace

double scored_states(const BsbrConfig& config, const HeadPlan& plan, std::int64_t tokens) {
  double sum = 0;
  for (std::int64_t begin = 0; begin < tokens; begin += config.chunk_size) {
    const double rows = static_cast<double>(std::min(config.chunk_size, tokens - begin));
    sum += rows * states_at(config, plan, begin);
  }
  return sum;
}

Ceilings measure_ceilings(const LanguageModel& model, const Job& job) {
  return at_torch_border([&] {
    const Decoder& decoder = model.decoder();
    const ModelConfig& config = model.config();
    const at::Device device = decoder.device();
    const at::TensorOptions floats = at::TensorOptions(at::kFloat).device(device);
    constexpr std::int64_t kRows = 1024;
    Ceilings ceilings{};

    job.report("measuring the machine", 0);
    const DecoderLayer& layer = decoder.weights().layers.front();
    const at::Tensor rows = at::randn({kRows, config.width}, floats);
    const double product =
        fastest_seconds(device, [&] { (void)linear(rows, layer.mlp_in.weight, layer.mlp_in.bias); });
    ceilings.product_flops = 2.0 * kRows * static_cast<double>(layer.mlp_in.weight.numel()) / product;
    job.report("measuring the machine", 0.25);
    // The head is the largest matrix: a product of one row with it reads it once.
    const at::Tensor one = rows.narrow(0, 0, 1);
    const at::Tensor& head = decoder.weights().head;
    const double streamed = fastest_seconds(device, [&] { (void)bsbr::linear(one, head); });
    ceilings.bytes_per_second = kFloat * static_cast<double>(head.numel()) / streamed;

    const AttentionShape& shape = decoder.attention_shape();
    const auto attend = [&](const Attention& attention, std::int64_t tokens) {
      const auto random = [&](std::int64_t heads) {
        return at::randn({tokens, heads, shape.head_dim}, floats);
      };
      const at::Tensor q = random(shape.heads);
      const at::Tensor k = random(shape.kv_heads);
      const at::Tensor v = random(shape.kv_heads);
      return fastest_seconds(
          device, [&] { (void)attention.forward(q, k, v, config.attention_scale(0), nullptr, {}); });
    };
    const double pair_flops = 4.0 * static_cast<double>(shape.head_dim * shape.heads);
    const auto pairs = [](std::int64_t n) {
      return 0.5 * static_cast<double>(n) * static_cast<double>(n + 1);
    };
    constexpr std::int64_t kDense = 2048;
    job.report("measuring the machine", 0.5);
    ceilings.dense_flops = pair_flops * pairs(kDense) / attend(*make_dense_attention(shape, device), kDense);
    job.report("measuring the machine", 0.75);
    const BsbrConfig settings = config.bsbr.value_or(BsbrConfig{});
    BsbrConfig exact = settings;
    exact.plan.clear();
    exact.states_only = false;
    BsbrConfig condensed = exact;
    // Everything is read exactly; then nothing but the own chunk.
    constexpr std::int64_t kExact = 1024;
    exact.retrieve = kExact / exact.block_size * exact.block_size + exact.block_size;
    ceilings.sparse_flops =
        pair_flops * pairs(kExact) / attend(*make_bsbr_attention(shape, exact, device), kExact);
    condensed.retrieve = 0;
    condensed.window = 0;
    condensed.sink = 0;
    const std::int64_t many = 16 * condensed.chunk_size;
    const double near = 16 * pairs(condensed.chunk_size);
    const double all = attend(*make_bsbr_attention(shape, condensed, device), many);
    const double through_states = all - pair_flops * near / ceilings.sparse_flops;
    const double states = scored_states(condensed, HeadPlan{}, many);
    ceilings.state_flops = pair_flops * states / std::max(0.1 * all, through_states);
    return ceilings;
  });
}

PredictedCost predict_cost(const LanguageModel& model, const Ceilings& ceilings, std::int64_t tokens,
                           double density) {
  const ModelConfig& config = model.config();
  const Weights weights = count_weights(model.decoder());
  const auto n = static_cast<double>(tokens);
  const auto layers = static_cast<double>(config.layers);
  const auto heads = static_cast<double>(config.heads);
  const auto dim = static_cast<double>(config.head_dim);
  const auto kv_width = dim * static_cast<double>(config.kv_heads);
  const double pair_flops = 4 * dim;
  const double causal = n * (n + 1) / 2;
  const double stream = kFloat / ceilings.bytes_per_second;

  PredictedCost cost;
  const auto linear = [&](double count) { return 2 * n * count / ceilings.product_flops; };
  cost.prefill.projections = linear(weights.projections);
  cost.prefill.mlp = linear(weights.mlp);
  cost.prefill.head = cost.decode.head = weights.head * stream;
  cost.decode.projections = weights.projections * stream;
  cost.decode.mlp = weights.mlp * stream;
  double cached = 2 * kv_width;  // floats a token and layer
  if (config.bsbr) {
    const BsbrConfig& bsbr = *config.bsbr;
    const Scored scored = count_scored(config, tokens);
    // Half of a state's arithmetic is its logit; the other half, its value, is not scoring.
    const double states = pair_flops * scored.prefill / ceilings.state_flops;
    cost.prefill.scoring = states / 2;
    cost.prefill.attention = states + pair_flops * heads * layers * density * causal / ceilings.sparse_flops;
    cost.decode.scoring = dim * scored.next * stream;
    // A prefill's mean query reads density · n / 2 tokens exactly; the last one is taken to read no more.
    cost.decode.attention = 2 * cost.decode.scoring + heads * layers * 2 * dim * density * n / 2 * stream;
    const double per_state = 2 * kv_width + 3 * static_cast<double>(config.kv_heads);
    const double per_token = per_state / static_cast<double>(bsbr.compression_factor);
    cached = bsbr.states_only ? per_token : cached + per_token;
  } else {
    cost.prefill.attention = pair_flops * heads * layers * causal / ceilings.dense_flops;
    cost.decode.attention = layers * cached * n * stream;
  }
  // Norms and sums read or write the residual stream ten times a layer, the activation its width five times.
  const double elementwise =
      layers * (10 * static_cast<double>(config.width) + 5 * static_cast<double>(config.inner));
  cost.prefill_other = n * elementwise * stream;
  cost.decode_other = elementwise * stream;
  cost.cache_bytes = static_cast<std::int64_t>(kFloat * layers * cached * n);
  // Beside the cache, the feed-forward layer is the widest moment.
  const double widest = 2 * static_cast<double>(config.inner) + 2 * static_cast<double>(config.width);
  cost.peak_bytes = cost.cache_bytes + static_cast<std::int64_t>(kFloat * n * widest);
  return cost;
}

double PredictedCost::prefill_ms() const {
  return 1e3 * (prefill.attention + prefill.projections + prefill.mlp + prefill.head + prefill_other);
}

double PredictedCost::decode_ms() const {
  return 1e3 * (decode.attention + decode.projections + decode.mlp + decode.head + decode_other);
}

nlohmann::json PredictedCost::to_json() const {
  return {{"prefill_ms", prefill_ms()},
          {"decode_ms", decode_ms()},
          {"cache_bytes", cache_bytes},
          {"peak_bytes", peak_bytes}};
}

nlohmann::json Ceilings::to_json() const {
  return {{"product_flops", product_flops},
          {"dense_flops", dense_flops},
          {"sparse_flops", sparse_flops},
          {"state_flops", state_flops},
          {"bytes_per_second", bytes_per_second}};
}

}  // namespace bsbr
