#include "engine/kernels/cpu/micro.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/kernels/cpu/vector_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/cpu/micro.cpp"
#include "hwy/foreach_target.h"
// highway.h comes after foreach_target.h
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace bsbr::micro {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, kPad>;
using Vec = hn::Vec<Tag>;

// Where an instruction set has no masked loads and stores, Highway's read and write whole vectors, the loads
// from aligned addresses alone.
#if HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2
/// The first `count` of x, at most a vector of them; zeros in other lanes.
HWY_INLINE Vec LoadFirst(Tag tag, const float* x, std::size_t count) {
  if (count >= hn::Lanes(tag)) return hn::LoadU(tag, x);
  HWY_ALIGN float lanes[kPad] = {};
  std::copy_n(x, count, lanes);
  return hn::Load(tag, lanes);
}
/// Writes the first `count` lanes, at most all of them.
HWY_INLINE void StoreFirst(Vec v, Tag tag, float* x, std::size_t count) {
  if (count >= hn::Lanes(tag)) return hn::StoreU(v, tag, x);
  HWY_ALIGN float lanes[kPad];
  hn::Store(v, tag, lanes);
  std::copy_n(lanes, count, x);
}
#else
HWY_INLINE Vec LoadFirst(Tag tag, const float* x, std::size_t count) {
  return hn::MaskedLoad(hn::FirstN(tag, count), tag, x);
}
HWY_INLINE void StoreFirst(Vec v, Tag tag, float* x, std::size_t count) {
  hn::BlendedStore(v, hn::FirstN(tag, count), tag, x);
}
#endif

/// Calls Op::Run<n>(first row, args…) until all rows are done, six at a time.
template <class Op, class... Args>
HWY_INLINE void ForRows(std::size_t rows, Args... args) {
  std::size_t r = 0;
  for (; r + 6 <= rows; r += 6) Op::template Run<6>(r, args...);
  switch (rows - r) {
    case 5:
      return Op::template Run<5>(r, args...);
    case 4:
      return Op::template Run<4>(r, args...);
    case 3:
      return Op::template Run<3>(r, args...);
    case 2:
      return Op::template Run<2>(r, args...);
    case 1:
      return Op::template Run<1>(r, args...);
    default:
      return;
  }
}

template <int kRows, int kVecs>
HWY_INLINE void LogitsBlock(const float* const* query, float* const* out, std::size_t dim, const float* keys,
                            std::size_t stride, std::size_t column, std::size_t width, const float* bias) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  Vec sum[kRows][kVecs];
  for (int v = 0; v < kVecs; ++v) {
    for (int r = 0; r < kRows; ++r) sum[r][v] = hn::Zero(tag);
  }
  for (std::size_t i = 0; i < dim; ++i) {
    Vec key[kVecs];
    for (int v = 0; v < kVecs; ++v) key[v] = hn::LoadU(tag, keys + i * stride + column + v * lanes);
    for (int r = 0; r < kRows; ++r) {
      const Vec q = hn::Set(tag, query[r][i]);
      for (int v = 0; v < kVecs; ++v) sum[r][v] = hn::MulAdd(q, key[v], sum[r][v]);
    }
  }
  for (int v = 0; v < kVecs; ++v) {
    const std::size_t at = column + v * lanes;
    const Vec add = bias == nullptr ? hn::Zero(tag) : LoadFirst(tag, bias + at, width - at);
    for (int r = 0; r < kRows; ++r) StoreFirst(hn::Add(sum[r][v], add), tag, out[r] + at, width - at);
  }
}

struct LogitsOp {
  template <int kRows>
  static HWY_INLINE void Run(std::size_t first, const float* const* query, float* const* out, std::size_t dim,
                             const float* keys, std::size_t stride, std::size_t width, const float* bias) {
    // Few rows need more columns at once to hide the latency of a multiply-add.
    constexpr int kWide = kRows == 1 ? 8 : kRows <= 3 ? 4 : 2;
    const std::size_t lanes = hn::Lanes(Tag());
    query += first;
    out += first;
    std::size_t column = 0;
    for (; column + (kWide - 1) * lanes < width; column += kWide * lanes) {
      LogitsBlock<kRows, kWide>(query, out, dim, keys, stride, column, width, bias);
    }
    for (; column + lanes < width; column += 2 * lanes) {
      LogitsBlock<kRows, 2>(query, out, dim, keys, stride, column, width, bias);
    }
    if (column < width) LogitsBlock<kRows, 1>(query, out, dim, keys, stride, column, width, bias);
  }
};

void Logits(const float* const* query, float* const* out, std::size_t rows, std::size_t dim,
            const float* keys, std::size_t stride, std::size_t width, const float* bias) {
  ForRows<LogitsOp>(rows, query, out, dim, keys, stride, width, bias);
}

template <int kRows, int kVecs>
HWY_INLINE void AccumulateBlock(const float* const* weight, float* const* out, const float* values,
                                std::size_t width, std::size_t dim, std::size_t column) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  Vec sum[kRows][kVecs];
  for (int v = 0; v < kVecs; ++v) {
    for (int r = 0; r < kRows; ++r) sum[r][v] = hn::LoadU(tag, out[r] + column + v * lanes);
  }
  for (std::size_t j = 0; j < width; ++j) {
    Vec value[kVecs];
    for (int v = 0; v < kVecs; ++v) value[v] = hn::LoadU(tag, values + j * dim + column + v * lanes);
    for (int r = 0; r < kRows; ++r) {
      const Vec w = hn::Set(tag, weight[r][j]);
      for (int v = 0; v < kVecs; ++v) sum[r][v] = hn::MulAdd(w, value[v], sum[r][v]);
    }
  }
  for (int v = 0; v < kVecs; ++v) {
    for (int r = 0; r < kRows; ++r) hn::StoreU(sum[r][v], tag, out[r] + column + v * lanes);
  }
}

struct AccumulateOp {
  template <int kRows>
  static HWY_INLINE void Run(std::size_t first, const float* const* weight, float* const* out,
                             const float* values, std::size_t width, std::size_t dim) {
    constexpr int kWide = kRows <= 3 ? 4 : 2;
    const std::size_t lanes = hn::Lanes(Tag());
    weight += first;
    out += first;
    std::size_t column = 0;
    for (; column + kWide * lanes <= dim; column += kWide * lanes) {
      AccumulateBlock<kRows, kWide>(weight, out, values, width, dim, column);
    }
    for (; column < dim; column += lanes) AccumulateBlock<kRows, 1>(weight, out, values, width, dim, column);
  }
};

void Accumulate(const float* const* weight, float* const* out, std::size_t rows, const float* values,
                std::size_t width, std::size_t dim) {
  ForRows<AccumulateOp>(rows, weight, out, values, width, dim);
}

float Maximum(const float* x, std::size_t n) {
  // Highway's emulated MaxOfLanes begins at the lowest finite number.
  if (n == 0) return -std::numeric_limits<float>::infinity();
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  const Vec lowest = hn::Set(tag, -std::numeric_limits<float>::infinity());
  Vec largest = lowest;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) largest = hn::Max(largest, hn::LoadU(tag, x + i));
  if (i < n) {
    const auto inside = hn::FirstN(tag, n - i);
    largest = hn::Max(largest, hn::IfThenElse(inside, LoadFirst(tag, x + i, n - i), lowest));
  }
  return hn::GetLane(hn::MaxOfLanes(tag, largest));
}

float Exponentiate(float* x, std::size_t n, float shift) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  const Vec minus = hn::Set(tag, shift);
  // Below this e^x is denormal; the clamp also keeps -infinity away from the polynomial.
  const Vec floor = hn::Set(tag, -87.0F);
  Vec sum = hn::Zero(tag);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const Vec t = hn::Sub(hn::LoadU(tag, x + i), minus);
    const Vec e = hn::IfThenElseZero(hn::Gt(t, floor), hn::Exp(tag, hn::Max(t, floor)));
    sum = hn::Add(sum, e);
    hn::StoreU(e, tag, x + i);
  }
  if (i < n) {
    const auto inside = hn::FirstN(tag, n - i);
    const Vec t = hn::Sub(LoadFirst(tag, x + i, n - i), minus);
    const auto keep = hn::And(inside, hn::Gt(t, floor));
    const Vec e = hn::IfThenElseZero(keep, hn::Exp(tag, hn::Max(t, floor)));
    sum = hn::Add(sum, e);
    StoreFirst(e, tag, x + i, n - i);
  }
  return hn::GetLane(hn::SumOfLanes(tag, sum));
}

float Sum(const float* x, std::size_t n) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  Vec sum = hn::Zero(tag);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = hn::Add(sum, hn::LoadU(tag, x + i));
  if (i < n) sum = hn::Add(sum, LoadFirst(tag, x + i, n - i));
  return hn::GetLane(hn::SumOfLanes(tag, sum));
}

/// Of 2n lanes in two vectors the n sums of neighbours.
HWY_INLINE Vec PairSums(Vec low, Vec high) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Add(low, high);
#else
  const Tag tag;
  return hn::Add(hn::ConcatEven(tag, high, low), hn::ConcatOdd(tag, high, low));
#endif
}

/// The sums of kWidth neighbours each, as many as a vector has lanes, from kWidth vectors on.
template <int kWidth>
HWY_INLINE Vec NeighbourSums(const float* x) {
  const Tag tag;
  if constexpr (kWidth == 1) {
    return hn::LoadU(tag, x);
  } else {
    return PairSums(NeighbourSums<kWidth / 2>(x), NeighbourSums<kWidth / 2>(x + kWidth / 2 * hn::Lanes(tag)));
  }
}

template <int kWidth>
std::size_t WholeVectorsOfSums(const float* x, std::size_t groups, float* sum) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  std::size_t g = 0;
  for (; g + lanes <= groups; g += lanes) hn::StoreU(NeighbourSums<kWidth>(x + g * kWidth), tag, sum + g);
  return g;
}

void GroupSums(const float* x, std::size_t groups, std::size_t width, float* sum) {
  std::size_t g = 0;
  if (width == 1) g = WholeVectorsOfSums<1>(x, groups, sum);
  if (width == 2) g = WholeVectorsOfSums<2>(x, groups, sum);
  if (width == 4) g = WholeVectorsOfSums<4>(x, groups, sum);
  if (width == 8) g = WholeVectorsOfSums<8>(x, groups, sum);
  for (; g < groups; ++g) sum[g] = std::accumulate(x + g * width, x + (g + 1) * width, 0.0F);
}

void Rescale(SoftmaxRow& row, float shift, std::size_t dim) {
  const Tag tag;
  const float factor = row.sum == 0 ? 0.0F : std::exp(row.shift - shift);
  const Vec by = hn::Set(tag, factor);
  for (std::size_t i = 0; i < dim; i += hn::Lanes(tag)) {
    hn::StoreU(hn::Mul(hn::LoadU(tag, row.out + i), by), tag, row.out + i);
  }
  row.sum *= factor;
  row.shift = shift;
}

struct AttendOp {
  /// Columns whose weights are kept at once.
  static constexpr std::size_t kPiece = 64;

  template <int kRows>
  static HWY_INLINE void Run(std::size_t first, SoftmaxRow* const* rows, std::size_t dim, const float* keys,
                             std::size_t key_stride, const float* values, std::size_t value_stride,
                             std::size_t width, const std::size_t* visible) {
    HWY_ALIGN float weight[kRows][kPiece];
    float* to[kRows];
    const float* from[kRows];
    const float* query[kRows];
    float* out[kRows];
    for (int r = 0; r < kRows; ++r) {
      to[r] = weight[r];
      from[r] = weight[r];
      query[r] = rows[first + r]->query;
      out[r] = rows[first + r]->out;
    }
    for (std::size_t column = 0; column < width; column += kPiece) {
      std::size_t seen[kRows];
      std::size_t most = 0;
      for (int r = 0; r < kRows; ++r) {
        const std::size_t end = visible == nullptr ? width : visible[first + r];
        seen[r] = std::min(kPiece, std::max(end, column) - column);
        most = std::max(most, seen[r]);
      }
      if (most == 0) return;
      LogitsOp::Run<kRows>(0, query, to, dim, keys + column, key_stride, most, nullptr);
      for (int r = 0; r < kRows; ++r) {
        SoftmaxRow& row = *rows[first + r];
        const float top = Maximum(weight[r], seen[r]);
        if (top > row.shift + kRoom) Rescale(row, top, value_stride);
        row.sum += Exponentiate(weight[r], seen[r], row.shift);
        std::fill(weight[r] + seen[r], weight[r] + most, 0.0F);
      }
      AccumulateOp::Run<kRows>(0, from, out, values + column * value_stride, most, value_stride);
    }
  }
};

void Attend(SoftmaxRow* const* rows, std::size_t count, std::size_t dim, const float* keys,
            std::size_t key_stride, const float* values, std::size_t value_stride, std::size_t width,
            const std::size_t* visible) {
  ForRows<AttendOp>(count, rows, dim, keys, key_stride, values, value_stride, width, visible);
}

const char* InstructionSet() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace HWY_NAMESPACE
}  // namespace bsbr::micro
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bsbr::micro {
HWY_EXPORT(Logits);
HWY_EXPORT(Accumulate);
HWY_EXPORT(Rescale);
HWY_EXPORT(Attend);
HWY_EXPORT(Maximum);
HWY_EXPORT(Exponentiate);
HWY_EXPORT(Sum);
HWY_EXPORT(GroupSums);
HWY_EXPORT(InstructionSet);

void logits(const float* const* query, float* const* out, std::size_t rows, std::size_t dim,
            const float* keys, std::size_t stride, std::size_t width, const float* bias) {
  HWY_DYNAMIC_DISPATCH(Logits)(query, out, rows, dim, keys, stride, width, bias);
}
void accumulate(const float* const* weight, float* const* out, std::size_t rows, const float* values,
                std::size_t width, std::size_t dim) {
  HWY_DYNAMIC_DISPATCH(Accumulate)(weight, out, rows, values, width, dim);
}
void rescale(SoftmaxRow& row, float shift, std::size_t dim) {
  HWY_DYNAMIC_DISPATCH(Rescale)(row, shift, dim);
}
void attend(SoftmaxRow* const* rows, std::size_t count, std::size_t dim, const float* keys,
            std::size_t key_stride, const float* values, std::size_t value_stride, std::size_t width,
            const std::size_t* visible) {
  HWY_DYNAMIC_DISPATCH(Attend)
  (rows, count, dim, keys, key_stride, values, value_stride, width, visible);
}
float maximum(const float* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(Maximum)(x, n);
}
float exponentiate(float* x, std::size_t n, float shift) {
  return HWY_DYNAMIC_DISPATCH(Exponentiate)(x, n, shift);
}
float sum(const float* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(Sum)(x, n);
}
void group_sums(const float* x, std::size_t groups, std::size_t width, float* sum) {
  HWY_DYNAMIC_DISPATCH(GroupSums)(x, groups, width, sum);
}
const char* instruction_set() {
  return HWY_DYNAMIC_DISPATCH(InstructionSet)();
}

}  // namespace bsbr::micro
#endif
