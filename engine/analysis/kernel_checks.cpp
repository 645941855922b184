#include "engine/analysis/kernel_checks.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/analysis/device_snapshot.h"
#include "engine/attention/bsbr_cuda.h"
#include "engine/base/error.h"
#include "engine/kernels/cpu/kv_store.h"
#include "engine/kernels/zones.h"

namespace bsbr {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
/// Scores may be on the wrong side of a border by so much (a logarithm).
constexpr double kBorder = 2e-3;

/// Relative to the largest: what rounding of inputs, sums and results may do.
double tolerance(at::ScalarType type) {
  return type == at::kFloat ? 2e-5 : type == at::kHalf ? 3e-3 : 2e-2;
}

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor difference = (actual.to(at::kDouble) - expected.to(at::kDouble)).abs().max();
  return (difference / expected.abs().max().to(at::kDouble)).item<double>();
}

std::string too_large(const char* what, double error, double limit) {
  return error < limit ? std::string() : cat(what, " differ by ", error, "; at most ", limit, " is rounding");
}

double log_sum(const std::vector<double>& logs) {
  double top = kNever;
  for (const double x : logs) top = std::max(top, x);
  if (top == kNever) return top;
  double sum = 0;
  for (const double x : logs) sum += std::exp(x - top);
  return top + std::log(sum);
}

TokenRows token_rows(const at::Tensor& x) {
  return {x.const_data_ptr<float>(), static_cast<std::size_t>(x.stride(0)),
          static_cast<std::size_t>(x.stride(1))};
}

/// Checks one query's choice and output against what the device's memory held.
class RowCheck {
 public:
  RowCheck(const KernelCase& of, const DeviceSnapshot& seen, std::int64_t position, std::int64_t head)
      : of_(of),
        seen_(seen),
        plan_(of.config.heads_of(0, of.shape.heads)[static_cast<std::size_t>(head)]),
        kv_head_(head / (of.shape.heads / of.shape.kv_heads)),
        position_(position),
        row_((position - seen.first) * of.shape.heads + head),
        query_(of.query[position][head].to(at::kDouble) * static_cast<double>(static_cast<float>(of.scale))) {
    const BsbrConfig& config = of.config;
    recent_ = zones::chunks_before_near(position, config.chunk_size, config.window) * config.chunk_size;
    sink_ = std::min(config.sink_in_blocks(), recent_);
    const std::int64_t far = recent_ - sink_;
    all_read_ = plan_.threshold <= 0 && far <= plan_.retrieve;
    has_far_ = far > 0 && !all_read_ && (plan_.retrieve > 0 || plan_.states);
    chunk_ = sink_ / config.chunk_size;
    chunks_ = recent_ / config.chunk_size - chunk_;
    candidates_ =
        std::min(chunks_, zones::most_candidates(config.candidate_chunks, plan_.retrieve, config.chunk_size));
    most_ = std::min(plan_.retrieve, far) / config.block_size;
  }

  /// Faults of the near sums, the choice and the output, empty where there is none. `exact` is what the row
  /// adds to the count of pairs.
  std::string near() {
    read_keys(0, all_read_ ? recent_ : sink_);
    read_keys(recent_, position_ + 1);
    const double mass = log_sum(logits_);
    const double found =
        std::log(seen_.near_sum[row_].item<double>()) + seen_.near_shift[row_].item<double>();
    if (!(std::abs(found - mass) < 1e-4)) return cat("the near mass is e^", found, ", not e^", mass);
    const at::Tensor out = seen_.near_out[row_] / seen_.near_sum[row_];
    return too_large("near sums", relative_error(out, expected()), 2e-5);
  }

  std::string choice() {
    exact_ = static_cast<std::int64_t>(logits_.size());
    const std::int64_t count = seen_.count[row_].item<std::int64_t>();
    if (!has_far_)
      return count == 0 ? "" : cat(count, " blocks are retrieved where there is nothing to choose");
    std::string fault = candidates();
    if (fault.empty()) fault = blocks(count);
    exact_ += count * of_.config.block_size;
    return fault;
  }

  std::string output(const at::Tensor& found, double limit) {
    if (has_far_) {
      for (const std::int64_t block : chosen_) {
        read_keys(block * of_.config.block_size, (block + 1) * of_.config.block_size);
      }
      if (plan_.states) read_states();
    }
    return too_large("outputs", relative_error(found, expected()), limit);
  }

  [[nodiscard]] std::int64_t exact() const { return exact_; }

 private:
  void read(double logit, const at::Tensor& value) {
    logits_.push_back(logit);
    values_.push_back(value);
  }
  void read_keys(std::int64_t begin, std::int64_t end) {
    if (begin >= end) return;
    const at::Tensor keys = of_.key.select(1, kv_head_).narrow(0, begin, end - begin).to(at::kDouble);
    const at::Tensor products = at::matmul(keys, query_);
    for (std::int64_t j = begin; j < end; ++j)
      read(products[j - begin].item<double>(), of_.value[j][kv_head_].to(at::kDouble));
  }
  [[nodiscard]] at::Tensor expected() const {
    const at::Tensor weights = at::softmax(at::tensor(logits_, at::kDouble), 0);
    return at::matmul(weights, at::stack(values_));
  }
  [[nodiscard]] const DeviceStates& states(std::int64_t chunk) const {
    return seen_.states[static_cast<std::size_t>(chunk)][static_cast<std::size_t>(kv_head_)];
  }

  std::string candidates() {
    std::vector<double> in, out;
    slots_.clear();
    for (std::int64_t c = 0; c < chunks_; ++c) {
      const double logit = at::dot(states(chunk_ + c).chunk_key.to(at::kDouble), query_).item<double>() +
                           std::log(static_cast<double>(of_.config.chunk_size));
      const bool is_in = seen_.slots[row_][c].item<std::int64_t>() >= 0;
      const bool forced = c == 0 && sink_ % of_.config.chunk_size != 0;
      if (forced && !is_in) return "the chunk that the sink cuts is no candidate";
      if (is_in) slots_.push_back(c);
      if (!forced) (is_in ? in : out).push_back(logit);
      if (!is_in) {
        left_logits_.push_back(logit);
        left_values_.push_back(states(chunk_ + c).chunk_value.to(at::kDouble));
      }
    }
    if (static_cast<std::int64_t>(slots_.size()) != candidates_)
      return cat(slots_.size(), " candidates, not ", candidates_);
    if (!in.empty() && !out.empty() &&
        *std::min_element(in.begin(), in.end()) < *std::max_element(out.begin(), out.end()) - kBorder)
      return "a chunk is a candidate and a better one is not";
    return "";
  }

  std::string blocks(std::int64_t count) {
    const std::int64_t per_chunk = of_.config.chunk_size / of_.config.block_size;
    const std::int64_t each = of_.config.states_per_block();
    for (std::int64_t i = 0; i < count; ++i) chosen_.push_back(seen_.chosen[row_][i].item<std::int64_t>());
    for (std::size_t i = 1; i < chosen_.size(); ++i) {
      if (chosen_[i] <= chosen_[i - 1]) return "chosen blocks do not ascend";
    }
    std::vector<double> masses = left_logits_, in, out;
    masses.push_back(log_sum(logits_));
    std::size_t found = 0;
    for (const std::int64_t c : slots_) {
      const DeviceStates& of_chunk = states(chunk_ + c);
      const at::Tensor logit = at::matmul(of_chunk.keys.to(at::kDouble), query_) +
                               (plan_.states ? of_chunk.bias : of_chunk.log_size).to(at::kDouble);
      const at::Tensor terms = plan_.states ? logit + of_chunk.log_spread.to(at::kDouble) : logit;
      for (std::int64_t b = 0; b < per_chunk; ++b) {
        const std::int64_t block = (chunk_ + c) * per_chunk + b;
        if (block * of_.config.block_size < sink_) continue;
        const bool is_in = std::binary_search(chosen_.begin(), chosen_.end(), block);
        found += is_in ? 1 : 0;
        std::vector<double> score;
        for (std::int64_t s = b * each; s < (b + 1) * each; ++s) {
          score.push_back(terms[s].item<double>());
          masses.push_back(logit[s].item<double>());
          if (is_in) continue;
          left_logits_.push_back(masses.back());
          left_values_.push_back(of_chunk.values[s].to(at::kDouble));
        }
        (is_in ? in : out).push_back(log_sum(score));
      }
    }
    if (found != chosen_.size()) return "a block is chosen that is no candidate";
    const double least_in = in.empty() ? -kNever : *std::min_element(in.begin(), in.end());
    const double most_out = out.empty() ? kNever : *std::max_element(out.begin(), out.end());
    if (plan_.threshold > 0) {
      const double strength = plan_.states ? std::log(query_.dot(query_).item<double>()) : 0;
      const double border = std::log(plan_.threshold) + log_sum(masses) - strength;
      if (least_in < border - kBorder) return "a block is retrieved that scores below the threshold";
      if (count < most_ && most_out > border + kBorder)
        return "a block scores above the threshold and is left";
    } else if (count != most_) {
      return cat(count, " blocks are retrieved, not ", most_);
    }
    if (count > most_) return cat(count, " blocks are retrieved, more than ", most_);
    if (least_in < most_out - kBorder) return "a block is retrieved and a better one is not";
    return "";
  }

  void read_states() {
    for (std::size_t i = 0; i < left_logits_.size(); ++i) read(left_logits_[i], left_values_[i]);
  }

  const KernelCase& of_;
  const DeviceSnapshot& seen_;
  HeadPlan plan_;
  std::int64_t kv_head_, position_, row_;
  at::Tensor query_;  // double, scaled
  std::int64_t recent_, sink_, chunk_, chunks_, candidates_, most_;
  bool all_read_, has_far_;
  std::int64_t exact_ = 0;
  std::vector<std::int64_t> slots_, chosen_;
  std::vector<double> logits_, left_logits_;      // of what is read; of states that may be
  std::vector<at::Tensor> values_, left_values_;  // likewise
};

/// KvStore's states of the same input against the device's; the first fault.
std::string compare_states(const KernelCase& of, const DeviceSnapshot& seen) {
  const BsbrConfig& config = of.config;
  const auto wide = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  KvStore store({wide(of.shape.heads), wide(of.shape.kv_heads), wide(of.shape.head_dim),
                 wide(config.chunk_size), wide(config.block_size), wide(config.compression_factor)},
                of.shape.rope_frequencies);
  const at::Tensor query = of.query.to(at::kFloat), key = of.key.to(at::kFloat),
                   value = of.value.to(at::kFloat);
  store.append(token_rows(query), token_rows(key), token_rows(value), wide(query.size(0)), of.scale);
  store.make_states(store.tokens() / store.layout().chunk);
  const auto states = static_cast<std::int64_t>(store.states_per_chunk());
  const auto host = [&](const float* from, std::int64_t rows, std::size_t stride) {
    return at::from_blob(const_cast<float*>(from), {rows, static_cast<std::int64_t>(stride)},
                         at::TensorOptions(at::kFloat));
  };
  const double limit = tolerance(of.type);
  for (std::size_t chunk = 0; chunk < seen.states.size(); ++chunk) {
    for (std::size_t head = 0; head < seen.states[chunk].size(); ++head) {
      const DeviceStates& found = seen.states[chunk][head];
      const at::Tensor log_size = host(store.state_log_size(chunk, head), 1, wide(states))[0];
      if ((found.log_size - log_size).abs().max().item<float>() > 1e-5F)
        return cat("groups of keys differ in chunk ", chunk);
      const at::Tensor keys = host(store.state_keys(chunk, head), of.shape.head_dim, store.state_stride())
                                  .narrow(1, 0, states)
                                  .t();
      const at::Tensor values =
          host(store.state_values(chunk, head), states, store.value_stride()).narrow(1, 0, of.shape.head_dim);
      const at::Tensor bias = host(store.state_bias(chunk, head), 1, wide(states))[0];
      const at::Tensor log_spread =
          host(store.state_spread(chunk, head) + store.state_stride(), 1, wide(states))[0];
      std::string fault = too_large("state keys", relative_error(found.keys, keys), limit);
      if (fault.empty()) fault = too_large("state values", relative_error(found.values, values), limit);
      // Absolute: they are logarithms, and errors of products of a query with a key.
      const double bias_error = (found.bias - bias).abs().max().item<double>();
      if (fault.empty()) fault = too_large("biases", bias_error, 20 * limit);
      const double spread_error = (found.log_spread - log_spread).abs().max().item<double>();
      if (fault.empty()) fault = too_large("logarithms of spreads", spread_error, 30 * limit);
      if (!fault.empty()) return cat(fault, " in chunk ", chunk);
    }
  }
  return "";
}

float rope_frequency(std::int64_t pair, std::int64_t head_dim) {
  return static_cast<float>(std::pow(1e-4, static_cast<double>(2 * pair) / static_cast<double>(head_dim)));
}

/// Makes the tensors: slices of one projection, as a decoder's; the queries of a head have a direction in
/// common.
void fill(KernelCase& made, std::int64_t tokens, std::uint64_t seed) {
  made.scale = 1 / std::sqrt(static_cast<double>(made.shape.head_dim));
  at::manual_seed(seed);
  const std::int64_t d = made.shape.head_dim;
  const at::Tensor all = at::randn({tokens, (made.shape.heads + 2 * made.shape.kv_heads) * d}) * 1.5;
  all.narrow(1, 0, made.shape.heads * d).add_(at::randn({1, made.shape.heads * d}));
  const at::Tensor typed = all.to(made.type);
  const auto part = [&](std::int64_t begin, std::int64_t count) {
    return typed.narrow(1, begin * d, count * d).view({tokens, count, d});
  };
  made.query = part(0, made.shape.heads);
  made.key = part(made.shape.heads, made.shape.kv_heads);
  made.value = part(made.shape.heads + made.shape.kv_heads, made.shape.kv_heads);
}

std::string compare_copies(const KernelCase& of, const DeviceSnapshot& seen) {
  if (!at::equal(seen.keys, of.key)) return "keys are not those that were appended";
  return at::equal(seen.values, of.value) ? "" : "values are not those that were appended";
}

}  // namespace

std::string KernelCase::text() const {
  return cat(c10::toString(type), ", ", shape.heads, " heads of ", shape.head_dim, " in groups of ",
             shape.heads / shape.kv_heads, shape.rope_frequencies.empty() ? "" : ", rotary", ", chunk ",
             config.chunk_size, ", block ", config.block_size, ", factor ", config.compression_factor,
             ", window ", config.window, ", ", config.candidate_chunks, " candidates, ", query.size(0),
             " tokens");
}

KernelCase random_case(std::uint64_t seed, at::ScalarType type) {
  std::mt19937_64 random(seed);
  const auto among = [&](std::initializer_list<std::int64_t> of) {
    return *(of.begin() + static_cast<std::ptrdiff_t>(random() % of.size()));
  };
  KernelCase made;
  made.type = type;
  made.shape.kv_heads = among({1, 2, 3});
  made.shape.heads = made.shape.kv_heads * among({1, 2, 3});
  made.shape.head_dim = among({8, 16, 24, 64, 80, 128});
  if (random() % 2 == 0) {
    for (std::int64_t i = 0; i < made.shape.head_dim / 2; ++i) {
      made.shape.rope_frequencies.push_back(rope_frequency(i, made.shape.head_dim));
    }
  }
  BsbrConfig& config = made.config;
  config.chunk_size = among({16, 24, 32, 64});
  config.block_size = among({2, 4, 8});
  config.compression_factor = among({1, 2, config.block_size});
  config.window = among({0, 0, 1, 2});
  config.sink = among({0, 4, 16, 40});
  config.candidate_chunks = among({1, 2, 4, 64});
  std::vector<HeadPlan> heads;
  heads.reserve(static_cast<std::size_t>(made.shape.heads));
  for (std::int64_t head = 0; head < made.shape.heads; ++head) {
    heads.push_back({config.block_size * among({0, 1, 3, 8, 16}),
                     among({0, 1}) == 0 ? 0.0 : 1e-3 * static_cast<double>(among({1, 10, 50})),
                     random() % 4 != 0});
  }
  config.plan = {heads};
  config.retrieve = 0;
  fill(made, among({5, 33, 130, 257, 300}), seed);
  return made;
}

KernelCase usual_case(std::int64_t head_dim, bool coarse, at::ScalarType type) {
  KernelCase made;
  made.type = type;
  made.shape = {2, 1, head_dim};
  for (std::int64_t i = 0; i < head_dim / 2; ++i)
    made.shape.rope_frequencies.push_back(rope_frequency(i, head_dim));
  if (coarse) made.config.candidate_chunks = 8;
  constexpr std::int64_t kChunks = 35;
  fill(made, kChunks * made.config.chunk_size + 5, static_cast<std::uint64_t>(head_dim));
  return made;
}

void check_cuda_kernels(const KernelCase& of, at::Device device, const cuda::Interface& kernels,
                        const CheckSink& sink) {
  const auto constants = std::make_shared<const DeviceConstants>(of.shape, of.config, 0, device, kernels);
  DeviceStore store(constants, kernels);
  const at::Tensor query = of.query.to(device), key = of.key.to(device), value = of.value.to(device);
  const std::int64_t tokens = query.size(0);
  for (std::int64_t begin = 0, count = 0; begin < tokens; begin += count) {
    count = std::min(tokens - begin, begin == 0 ? tokens / 2 + 1 : std::max<std::int64_t>(1, tokens / 5));
    store.append(query.narrow(0, begin, count), key.narrow(0, begin, count), value.narrow(0, begin, count),
                 of.scale);
  }
  // The last queries, over the border of a chunk where there is one.
  const std::int64_t asked = std::min<std::int64_t>(tokens, of.config.chunk_size + 3);
  const at::Tensor exact = at::zeros({of.shape.heads}, query.options().dtype(at::kLong));
  const DevicePass pass =
      make_pass(*constants, store, query.narrow(0, tokens - asked, asked), tokens - asked, of.scale, exact);
  void* stream = current_stream(device);
  check_cuda(kernels, kernels.read_near(pass.call, stream), "read near keys");
  check_cuda(kernels, kernels.choose(pass.call, stream), "choose blocks");
  check_cuda(kernels, kernels.read_far(pass.call, stream), "read far blocks");
  const DeviceSnapshot seen(of, store, pass, device);
  const std::string text = of.text();
  sink({"append", text, compare_copies(of, seen)});
  sink({"condense", text, compare_states(of, seen)});

  std::string near, choice, output;
  const at::Tensor out = pass.out.to(at::kCPU).view({asked, of.shape.heads, of.shape.head_dim});
  const at::Tensor counted = exact.to(at::kCPU);
  for (std::int64_t head = 0; head < of.shape.heads; ++head) {
    std::int64_t pairs = 0;
    for (std::int64_t i = 0; i < asked; ++i) {
      RowCheck row(of, seen, tokens - asked + i, head);
      const auto keep = [&](std::string& first, const std::string& fault) {
        if (first.empty() && !fault.empty())
          first = cat("head ", head, ", position ", tokens - asked + i, ": ", fault);
      };
      keep(near, row.near());
      keep(choice, row.choice());
      keep(output, row.output(out[i][head], tolerance(of.type)));
      pairs += row.exact();
    }
    if (choice.empty() && pairs != counted[head].item<std::int64_t>())
      choice =
          cat("head ", head, ": ", counted[head].item<std::int64_t>(), " pairs are counted, not ", pairs);
  }
  sink({"read_near", text, near});
  sink({"choose", text, choice});
  sink({"read_far", text, output});
}

void check_attention(const KernelCase& of, const Attention& attention, at::Device device, const char* name,
                     const CheckSink& sink) {
  const auto run = [&](const Attention& with, at::Device on) {
    return with.forward(of.query.to(on), of.key.to(on), of.value.to(on), of.scale, nullptr, {})
        .to(at::kCPU)
        .view({of.query.size(0), of.shape.heads, of.shape.head_dim});
  };
  const at::Tensor expected = run(*make_bsbr_reference(of.shape, of.config, at::kCPU), at::kCPU);
  const at::Tensor error =
      std::get<0>((run(attention, device) - expected).abs().max(2)) / expected.abs().max().clamp_min(1e-30);
  const auto wrong = error.gt(1e-4).logical_or(error.isnan()).sum().item<std::int64_t>();
  constexpr std::int64_t kOneOf = 200;
  sink({name, of.text(),
        wrong * kOneOf <= error.numel()
            ? ""
            : cat(wrong, " of ", error.numel(), " rows differ, by up to ", error.max().item<double>())});
}

void check_dense(const KernelCase& of, at::Device device, const CheckSink& sink) {
  const at::Tensor found =
      make_dense_attention(of.shape, device)
          ->forward(of.query.to(device), of.key.to(device), of.value.to(device), of.scale, nullptr, {})
          .to(at::kCPU);
  const std::int64_t group = of.shape.heads / of.shape.kv_heads;
  const auto heads = [](const at::Tensor& x) { return x.to(at::kDouble).transpose(0, 1); };
  at::Tensor logits =
      at::matmul(heads(of.query) * of.scale, heads(of.key).repeat_interleave(group, 0).transpose(1, 2));
  const at::Tensor hidden = at::ones({logits.size(1), logits.size(2)}).triu(1).to(at::kBool);
  logits = logits.masked_fill(hidden, kNever);
  const at::Tensor expected = at::matmul(at::softmax(logits, 2), heads(of.value).repeat_interleave(group, 0))
                                  .transpose(0, 1)
                                  .reshape(found.sizes());
  sink({"dense", of.text(), too_large("outputs", relative_error(found, expected), tolerance(of.type))});

  const std::int64_t last = of.query.size(0) - 1;
  const auto attention = make_dense_attention(of.shape, device);
  const auto cache = attention->make_cache(last + 1);
  at::Tensor alone;
  for (const auto& rows : {std::pair{std::int64_t{0}, last}, std::pair{last, std::int64_t{1}}}) {
    const auto part = [&](const at::Tensor& x) { return x.narrow(0, rows.first, rows.second).to(device); };
    if (rows.second > 0)
      alone = attention->forward(part(of.query), part(of.key), part(of.value), of.scale, cache.get(), {});
  }
  sink({"dense, one row", of.text(),
        too_large("outputs", relative_error(alone.to(at::kCPU), expected.narrow(0, last, 1)),
                  tolerance(of.type))});
}

}  // namespace bsbr
