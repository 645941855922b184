#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <hwy/targets.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/attention/attention.h"
#include "engine/kernels/cpu/group_keys.h"
#include "engine/kernels/cpu/micro.h"
#include "engine/kernels/cpu/select_largest.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

/// The kernels of every instruction set that this machine has, against plain loops in double precision, with
/// shapes and numbers from the input.
namespace {

using fuzz::Input;
using Floats = std::vector<float>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kEpsilon = 0x1p-23;

/// Calls `run` with each instruction set in use.
template <class Run>
void with_each_instruction_set(const Run& run) {
  static const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  for (const std::int64_t target : targets) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    run();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void expect_near(float actual, double expected, double bound, const char* what) {
  if (std::abs(actual - expected) <= bound) return;  // false for NaN
  fuzz::finding(cat(micro::instruction_set(), ": ", what, " is ", actual, " in place of ", expected,
                    ", further off than ", bound));
}

/// Numbers from the input while it lasts, then what a generator goes on with; up to 2^`most` in magnitude,
/// zeros, equal ones and very small ones among them.
class Numbers {
 public:
  Numbers(Input& input, int most) : input_(input), most_(most), state_(input.number<std::uint32_t>() | 1U) {}

  float next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    const auto bits =
        input_.empty() ? static_cast<std::uint32_t>(state_ >> 32) : input_.number<std::uint16_t>();
    const auto mantissa = static_cast<float>(static_cast<int>(bits & 0xFFU) - 128);
    const auto kind = (bits >> 8) & 0xFFU;
    if (kind == 0) return 0;
    if (kind == 1) return 1e-42F;
    return std::ldexp(mantissa, most_ - 7 - static_cast<int>(kind % 16));
  }
  Floats many(std::size_t count) {
    Floats out(count);
    for (float& x : out) x = next();
    return out;
  }

 private:
  Input& input_;
  int most_;
  std::uint64_t state_;
};

/// The rows of a matrix, each in memory of its own that ends with it.
struct Rows {
  Rows(Numbers& numbers, std::size_t count, std::size_t width) {
    for (std::size_t r = 0; r < count; ++r) rows.push_back(numbers.many(width));
  }
  Rows(std::size_t count, std::size_t width, float value) : rows(count, Floats(width, value)) {}
  [[nodiscard]] std::vector<const float*> read() const {
    std::vector<const float*> out;
    for (const Floats& row : rows) out.push_back(row.data());
    return out;
  }
  std::vector<float*> write() {
    std::vector<float*> out;
    for (Floats& row : rows) out.push_back(row.data());
    return out;
  }
  std::vector<Floats> rows;
};

constexpr float kUntouched = 7.0F;

void logits(Input& input) {
  const std::size_t rows = input.between(1, 13), dim = input.between(1, 70), width = input.between(1, 70);
  const std::size_t stride = micro::padded(width) + micro::kPad * input.between(0, 1);
  const bool biased = input.flag();
  Numbers numbers(input, 12);
  const Rows query(numbers, rows, dim);
  const Floats keys = numbers.many(dim * stride), bias = numbers.many(width);
  with_each_instruction_set([&] {
    Rows out(rows, width + 1, kUntouched);
    micro::logits(query.read().data(), out.write().data(), rows, dim, keys.data(), stride, width,
                  biased ? bias.data() : nullptr);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t j = 0; j < width; ++j) {
        double sum = biased ? bias[j] : 0.0, size = std::abs(sum);
        for (std::size_t i = 0; i < dim; ++i) {
          const double term = double{query.rows[r][i]} * keys[i * stride + j];
          sum += term;
          size += std::abs(term);
        }
        expect_near(out.rows[r][j], sum, kEpsilon * static_cast<double>(dim + 2) * size + 1e-37, "a logit");
      }
      fuzz::expect(out.rows[r][width] == kUntouched, "logits are written past their width");
    }
    Floats alone(width, 0);
    const float* const one = query.rows.back().data();
    float* const to = alone.data();
    micro::logits(&one, &to, 1, dim, keys.data(), stride, width, biased ? bias.data() : nullptr);
    fuzz::expect(std::equal(alone.begin(), alone.end(), out.rows.back().begin()),
                 "a row's logits depend on the other rows");
  });
}

void accumulate(Input& input) {
  const std::size_t rows = input.between(1, 13), width = input.between(1, 70);
  const std::size_t dim = micro::kPad * input.between(1, 5);
  Numbers numbers(input, 12);
  const Rows weight(numbers, rows, width);
  const Floats values = numbers.many(width * dim);
  const Rows before(numbers, rows, dim);
  with_each_instruction_set([&] {
    Rows out = before;
    micro::accumulate(weight.read().data(), out.write().data(), rows, values.data(), width, dim);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < dim; ++i) {
        double sum = before.rows[r][i], size = std::abs(sum);
        for (std::size_t j = 0; j < width; ++j) {
          const double term = double{weight.rows[r][j]} * values[j * dim + i];
          sum += term;
          size += std::abs(term);
        }
        expect_near(out.rows[r][i], sum, kEpsilon * static_cast<double>(width + 2) * size + 1e-37, "a sum");
      }
    }
  });
}

void attend(Input& input) {
  const std::size_t rows = input.between(1, 9), dim = input.between(1, 40), width = input.between(1, 100);
  const std::size_t key_stride = micro::padded(width), value_stride = micro::padded(dim);
  const bool causal = input.flag();
  Numbers numbers(input, 4);
  const Rows query(numbers, rows, dim);
  const Floats keys = numbers.many(dim * key_stride);
  Floats values = numbers.many(width * value_stride);
  double largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(double{value}));
  std::vector<std::size_t> visible(rows, width);
  if (causal) {
    for (std::size_t& end : visible) end = input.between(1, width);
  }
  with_each_instruction_set([&] {
    Rows out(rows, value_stride, 0), single(1, value_stride, 0);
    std::vector<micro::SoftmaxRow> state;
    std::vector<micro::SoftmaxRow*> states;
    for (std::size_t r = 0; r < rows; ++r)
      state.push_back({query.rows[r].data(), out.rows[r].data(), 0, -kInfinity});
    for (micro::SoftmaxRow& row : state) states.push_back(&row);
    const auto read = [&](micro::SoftmaxRow* const* of, std::size_t count, const std::size_t* ends) {
      micro::attend(of, count, dim, keys.data(), key_stride, values.data(), value_stride, width,
                    causal ? ends : nullptr);
    };
    read(states.data(), rows, visible.data());
    for (std::size_t r = 0; r < rows; ++r) {
      std::vector<double> logit(visible[r]);
      double most = -std::numeric_limits<double>::infinity(), error = 0;
      for (std::size_t j = 0; j < visible[r]; ++j) {
        double size = 0;
        for (std::size_t i = 0; i < dim; ++i) {
          const double term = double{query.rows[r][i]} * keys[i * key_stride + j];
          logit[j] += term;
          size += std::abs(term);
        }
        most = std::max(most, logit[j]);
        error = std::max(error, kEpsilon * static_cast<double>(dim + 4) * size);
      }
      double mass = 0;
      std::vector<double> sum(dim, 0);
      for (std::size_t j = 0; j < visible[r]; ++j) {
        const double weight = std::exp(logit[j] - most);
        mass += weight;
        for (std::size_t i = 0; i < dim; ++i) sum[i] += weight * values[j * value_stride + i];
      }
      const double bound = largest * (std::expm1(2 * error) + 3e-5);
      for (std::size_t i = 0; i < dim; ++i)
        expect_near(out.rows[r][i] / state[r].sum, sum[i] / mass, bound, "an attended value");
    }
    micro::SoftmaxRow last{query.rows.back().data(), single.rows[0].data(), 0, -kInfinity};
    micro::SoftmaxRow* const lasts = &last;
    read(&lasts, 1, &visible.back());
    fuzz::expect(single.rows[0] == out.rows.back() && last.sum == state.back().sum,
                 "what a row attends to depends on the other rows");
  });
}

void reductions(Input& input) {
  constexpr std::size_t kWidths[]{1, 2, 3, 4, 5, 8, 16, 17};
  const std::size_t n = input.between(0, 150), width = input.one_of(kWidths), groups = input.between(1, 67);
  Numbers numbers(input, 5);
  Floats x = numbers.many(n);
  const Floats grouped = numbers.many(groups * width);
  if (n > 0 && input.flag()) x[input.between(0, n - 1)] = -kInfinity;
  const float top = n == 0 ? -kInfinity : *std::max_element(x.begin(), x.end());
  double sum = 0, size = 0;
  for (const float of : grouped) sum += of, size += std::abs(double{of});
  with_each_instruction_set([&] {
    fuzz::expect(micro::maximum(x.data(), n) == top, "a maximum is another");
    expect_near(micro::sum(grouped.data(), grouped.size()), sum,
                kEpsilon * static_cast<double>(grouped.size() + 1) * size + 1e-37, "a sum");
    Floats sums(groups + 1, kUntouched);
    micro::group_sums(grouped.data(), groups, width, sums.data());
    for (std::size_t g = 0; g < groups; ++g) {
      double all = 0, of = 0;
      for (std::size_t i = 0; i < width; ++i) {
        all += grouped[g * width + i];
        of += std::abs(double{grouped[g * width + i]});
      }
      expect_near(sums[g], all, kEpsilon * static_cast<double>(width + 1) * of + 1e-37, "a group's sum");
    }
    fuzz::expect(sums[groups] == kUntouched, "sums of groups are written past their number");
    if (n == 0 || std::isinf(top)) return;
    Floats weights = x;
    const float mass = micro::exponentiate(weights.data(), n, top);
    double expected = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double weight = std::exp(double{x[i] - top});
      expected += weight;
      expect_near(weights[i], weight, 1e-5 * weight + 1e-37, "an exponential");
    }
    expect_near(mass, expected, 1e-4 * expected, "a sum of exponentials");
  });
}

std::int64_t ordered(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  return bits < 0 ? std::int64_t{bits} ^ std::numeric_limits<std::int32_t>::max() : bits;
}

/// Any bits, NaN too.
void select(Input& input) {
  const std::size_t n = input.between(0, 300), count = input.between(0, n);
  const bool few = input.flag();  // few values: many equal ones
  Floats x(n);
  for (float& of : x) {
    of = few ? static_cast<float>(input.number<std::uint8_t>() % 3) - 1
             : std::bit_cast<float>(input.number<std::uint32_t>());
  }
  std::vector<std::int32_t> expected(n);
  std::iota(expected.begin(), expected.end(), 0);
  std::stable_sort(expected.begin(), expected.end(), [&](std::int32_t a, std::int32_t b) {
    return ordered(x[static_cast<std::size_t>(a)]) > ordered(x[static_cast<std::size_t>(b)]);
  });
  expected.resize(count);
  std::sort(expected.begin(), expected.end());
  with_each_instruction_set([&] {
    std::vector<std::int32_t> chosen(count, -1);
    select_largest(x.data(), n, count, chosen.data());
    fuzz::expect(chosen == expected, "other numbers are selected than the largest");
  });
}

/// Keys of any bits end in the right number of groups, numbered by their first keys; equal keys first.
void group(Input& input) {
  const std::size_t count = input.between(1, 32), groups = input.between(1, count);
  const std::size_t half = input.between(1, 20), dim = 2 * half, stride = micro::padded(count);
  const bool rotary = input.flag(), any_bits = input.flag();
  Numbers numbers(input, 8);
  Floats keys = numbers.many(dim * stride), frequencies;
  if (any_bits) keys[input.between(0, keys.size() - 1)] = std::bit_cast<float>(input.number<std::uint32_t>());
  if (rotary) {
    for (std::size_t i = 0; i < half; ++i) frequencies.push_back(1.0F / static_cast<float>(i + 1));
  }
  KeyGrouper grouper(frequencies);
  std::int32_t next = 0;
  for (const std::int32_t label : grouper.group(keys.data(), stride, dim, count, groups)) {
    fuzz::expect(label >= 0 && label <= next, "groups are not numbered by their first keys");
    next += label == next ? 1 : 0;
  }
  fuzz::expect(static_cast<std::size_t>(next) == groups,
               "another number of groups is made than was asked for");
}

/// A whole layer against the plain implementation. Which blocks and chunks are chosen hangs on the last bit
/// where two score the same, and so does how keys are grouped: where these matter, how much is read is
/// compared alone.
void attention(Input& input) {
  constexpr std::int64_t kBlocks[]{1, 2, 4, 8, 16};
  AttentionShape shape{};
  shape.kv_heads = static_cast<std::int64_t>(input.between(1, 2));
  shape.heads = shape.kv_heads * static_cast<std::int64_t>(input.between(1, 3));
  const auto half = static_cast<std::int64_t>(input.between(1, 12));
  shape.head_dim = 2 * half;
  if (input.flag()) {
    for (std::int64_t i = 0; i < half; ++i) {
      shape.rope_frequencies.push_back(
          std::pow(10'000.0F, -static_cast<float>(i) / static_cast<float>(half)));
    }
  }
  BsbrConfig config;
  config.block_size = input.one_of(kBlocks);
  config.chunk_size = config.block_size * static_cast<std::int64_t>(input.between(1, 4));
  config.compression_factor = input.flag() ? config.block_size : 1;
  config.window = static_cast<std::int64_t>(input.between(0, 2));
  config.sink = static_cast<std::int64_t>(input.between(0, 20));
  config.candidate_chunks = static_cast<std::int64_t>(input.between(1, 5));
  const auto tokens = static_cast<std::int64_t>(input.between(1, 100));
  const bool some_retrieved = input.flag();
  HeadPlan head;
  head.states = input.flag();
  const auto blocks = static_cast<std::int64_t>(input.between(1, 4));
  head.retrieve = some_retrieved ? config.block_size * blocks : input.flag() ? 2048 : 0;
  head.retrieve = head.retrieve / config.block_size * config.block_size;
  config.plan.assign(1, std::vector<HeadPlan>(static_cast<std::size_t>(shape.heads), head));
  const bool some_chosen = some_retrieved || config.candidate_chunks * config.chunk_size < tokens;
  const auto first = static_cast<std::int64_t>(input.between(1, static_cast<std::size_t>(tokens)));
  try {
    config.validate(1 << 20);
  } catch (const Error&) {
    return;
  }

  Numbers numbers(input, 1);
  const auto tensor = [&](std::int64_t heads, Floats& memory) {
    memory = numbers.many(static_cast<std::size_t>(tokens * heads * shape.head_dim));
    return at::from_blob(memory.data(), {tokens, heads, shape.head_dim});
  };
  Floats queries, keys, values;
  const at::Tensor query = tensor(shape.heads, queries), key = tensor(shape.kv_heads, keys);
  const at::Tensor value = tensor(shape.kv_heads, values);
  const double scale = 1 / std::sqrt(static_cast<double>(shape.head_dim));

  const auto run = [&](const Attention& attention, std::vector<PairCount>& pairs) {
    const auto cache = attention.make_cache(tokens);
    const AttentionNotes notes{.pairs = pairs};
    const auto part = [&](std::int64_t begin, std::int64_t count) {
      return attention.forward(query.narrow(0, begin, count), key.narrow(0, begin, count),
                               value.narrow(0, begin, count), scale, cache.get(), notes);
    };
    std::vector<at::Tensor> parts{part(0, first)};
    if (first < tokens) parts.push_back(part(first, tokens - first));
    return parts;
  };
  std::vector<PairCount> expected_pairs(static_cast<std::size_t>(shape.heads));
  const auto expected = run(*make_bsbr_reference(shape, config, at::kCPU), expected_pairs);
  with_each_instruction_set([&] {
    std::vector<PairCount> pairs(static_cast<std::size_t>(shape.heads));
    const auto actual = run(*make_bsbr_attention(shape, config, at::kCPU), pairs);
    for (std::size_t h = 0; h < pairs.size(); ++h) {
      fuzz::expect(pairs[h].exact == expected_pairs[h].exact && pairs[h].causal == expected_pairs[h].causal,
                   "another number of pairs is read exactly");
    }
    for (std::size_t p = 0; p < actual.size(); ++p) {
      const double off = (actual[p] - expected[p]).abs().max().item<double>();
      const bool finite = std::isfinite(off);
      fuzz::expect(finite, "attention is not finite");
      if (!some_chosen && off > 1e-3) {
        fuzz::finding(cat(micro::instruction_set(), ": attention is off by ", off));
      }
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  constexpr void (*kKernels[])(Input&){logits, accumulate, attend, reductions, select, group, attention};
  input.one_of(kKernels)(input);
  return 0;
}
