#include "engine/kernels/cpu/micro.h"

#include <limits>

// Scalable vectors cannot be kept in arrays; on such machines NEON serves.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
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
    const auto inside = hn::FirstN(tag, width - at);
    const Vec add = bias == nullptr ? hn::Zero(tag) : hn::MaskedLoad(inside, tag, bias + at);
    for (int r = 0; r < kRows; ++r) hn::BlendedStore(hn::Add(sum[r][v], add), inside, tag, out[r] + at);
  }
}

template <int kRows>
HWY_INLINE void LogitsRows(const float* const* query, float* const* out, std::size_t dim, const float* keys,
                           std::size_t stride, std::size_t width, const float* bias) {
  const std::size_t lanes = hn::Lanes(Tag());
  std::size_t column = 0;
  for (; column + lanes < width; column += 2 * lanes) {
    LogitsBlock<kRows, 2>(query, out, dim, keys, stride, column, width, bias);
  }
  if (column < width) LogitsBlock<kRows, 1>(query, out, dim, keys, stride, column, width, bias);
}

void Logits(const float* const* query, float* const* out, std::size_t rows, std::size_t dim,
            const float* keys, std::size_t stride, std::size_t width, const float* bias) {
  std::size_t r = 0;
  for (; r + 6 <= rows; r += 6) LogitsRows<6>(query + r, out + r, dim, keys, stride, width, bias);
  switch (rows - r) {
    case 5:
      LogitsRows<5>(query + r, out + r, dim, keys, stride, width, bias);
      break;
    case 4:
      LogitsRows<4>(query + r, out + r, dim, keys, stride, width, bias);
      break;
    case 3:
      LogitsRows<3>(query + r, out + r, dim, keys, stride, width, bias);
      break;
    case 2:
      LogitsRows<2>(query + r, out + r, dim, keys, stride, width, bias);
      break;
    case 1:
      LogitsRows<1>(query + r, out + r, dim, keys, stride, width, bias);
      break;
    default:
      break;
  }
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

template <int kRows>
HWY_INLINE void AccumulateRows(const float* const* weight, float* const* out, const float* values,
                               std::size_t width, std::size_t dim) {
  const std::size_t lanes = hn::Lanes(Tag());
  std::size_t column = 0;
  for (; column + 2 * lanes <= dim; column += 2 * lanes) {
    AccumulateBlock<kRows, 2>(weight, out, values, width, dim, column);
  }
  for (; column < dim; column += lanes) AccumulateBlock<kRows, 1>(weight, out, values, width, dim, column);
}

void Accumulate(const float* const* weight, float* const* out, std::size_t rows, const float* values,
                std::size_t width, std::size_t dim) {
  std::size_t r = 0;
  for (; r + 6 <= rows; r += 6) AccumulateRows<6>(weight + r, out + r, values, width, dim);
  switch (rows - r) {
    case 5:
      AccumulateRows<5>(weight + r, out + r, values, width, dim);
      break;
    case 4:
      AccumulateRows<4>(weight + r, out + r, values, width, dim);
      break;
    case 3:
      AccumulateRows<3>(weight + r, out + r, values, width, dim);
      break;
    case 2:
      AccumulateRows<2>(weight + r, out + r, values, width, dim);
      break;
    case 1:
      AccumulateRows<1>(weight + r, out + r, values, width, dim);
      break;
    default:
      break;
  }
}

float Maximum(const float* x, std::size_t n) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  const Vec lowest = hn::Set(tag, -std::numeric_limits<float>::infinity());
  Vec largest = lowest;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) largest = hn::Max(largest, hn::LoadU(tag, x + i));
  if (i < n) {
    const auto inside = hn::FirstN(tag, n - i);
    largest = hn::Max(largest, hn::IfThenElse(inside, hn::MaskedLoad(inside, tag, x + i), lowest));
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
    const Vec t = hn::Sub(hn::MaskedLoad(inside, tag, x + i), minus);
    const auto keep = hn::And(inside, hn::Gt(t, floor));
    const Vec e = hn::IfThenElseZero(keep, hn::Exp(tag, hn::Max(t, floor)));
    sum = hn::Add(sum, e);
    hn::BlendedStore(e, inside, tag, x + i);
  }
  return hn::GetLane(hn::SumOfLanes(tag, sum));
}

float Scale(float* x, std::size_t n, float factor) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  const Vec by = hn::Set(tag, factor);
  Vec sum = hn::Zero(tag);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const Vec t = hn::Mul(hn::LoadU(tag, x + i), by);
    sum = hn::Add(sum, t);
    hn::StoreU(t, tag, x + i);
  }
  if (i < n) {
    const auto inside = hn::FirstN(tag, n - i);
    const Vec t = hn::Mul(hn::MaskedLoad(inside, tag, x + i), by);
    sum = hn::Add(sum, t);
    hn::BlendedStore(t, inside, tag, x + i);
  }
  return hn::GetLane(hn::SumOfLanes(tag, sum));
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
HWY_EXPORT(Maximum);
HWY_EXPORT(Exponentiate);
HWY_EXPORT(Scale);
HWY_EXPORT(InstructionSet);

void logits(const float* const* query, float* const* out, std::size_t rows, std::size_t dim,
            const float* keys, std::size_t stride, std::size_t width, const float* bias) {
  HWY_DYNAMIC_DISPATCH(Logits)(query, out, rows, dim, keys, stride, width, bias);
}
void accumulate(const float* const* weight, float* const* out, std::size_t rows, const float* values,
                std::size_t width, std::size_t dim) {
  HWY_DYNAMIC_DISPATCH(Accumulate)(weight, out, rows, values, width, dim);
}
float maximum(const float* x, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(Maximum)(x, n);
}
float exponentiate(float* x, std::size_t n, float shift) {
  return HWY_DYNAMIC_DISPATCH(Exponentiate)(x, n, shift);
}
float scale(float* x, std::size_t n, float factor) {
  return HWY_DYNAMIC_DISPATCH(Scale)(x, n, factor);
}
const char* instruction_set() {
  return HWY_DYNAMIC_DISPATCH(InstructionSet)();
}

}  // namespace bsbr::micro
#endif
