#include "engine/kernels/cpu/select_largest.h"

#include <bit>
#include <limits>

#include "engine/kernels/cpu/vector_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/cpu/select_largest.cpp"
#include "hwy/foreach_target.h"
// highway.h comes after foreach_target.h
#include "hwy/highway.h"

#ifndef BSBR_ORDERED_FLOATS  // this file is read once for each instruction set
#define BSBR_ORDERED_FLOATS
namespace bsbr::largest {
/// A float's bits as an integer that orders as the floats do.
inline std::int32_t ordered(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  return bits ^ (bits < 0 ? std::numeric_limits<std::int32_t>::max() : 0);
}
}  // namespace bsbr::largest
#endif

HWY_BEFORE_NAMESPACE();
namespace bsbr::largest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<Tag>;
using IntVec = hn::Vec<IntTag>;

/// Floats' bits as integers that order as the floats do.
HWY_INLINE IntVec Ordered(hn::Vec<Tag> x) {
  const IntTag tag;
  const IntVec bits = hn::BitCast(tag, x);
  return hn::Xor(bits, hn::And(hn::BroadcastSignBit(bits), hn::Set(tag, 0x7FFFFFFF)));
}

/// How many of x lie above `bound`, by that order.
std::size_t CountAbove(const float* x, std::size_t n, std::int32_t bound) {
  const Tag tag;
  const std::size_t lanes = hn::Lanes(tag);
  const IntVec below = hn::Set(IntTag(), bound);
  std::size_t count = 0;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    count += hn::CountTrue(IntTag(), hn::Gt(Ordered(hn::LoadU(tag, x + i)), below));
  }
#if HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2
  // Without masked loads Highway's would read past the end, from aligned addresses alone.
  for (; i < n; ++i) count += ordered(x[i]) > bound ? 1 : 0;
#else
  if (i < n) {
    const auto inside = hn::FirstN(IntTag(), n - i);
    const IntVec last = Ordered(hn::MaskedLoad(hn::FirstN(tag, n - i), tag, x + i));
    count += hn::CountTrue(IntTag(), hn::And(inside, hn::Gt(last, below)));
  }
#endif
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace bsbr::largest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bsbr {
namespace largest {

HWY_EXPORT(CountAbove);

namespace {

std::size_t count_above(const float* x, std::size_t n, std::int64_t bound) {
  return HWY_DYNAMIC_DISPATCH(CountAbove)(x, n, static_cast<std::int32_t>(bound));
}

}  // namespace
}  // namespace largest

void select_largest(const float* x, std::size_t n, std::size_t count, std::int32_t* order) {
  if (count == 0) return;
  // More than `count` lie above `low`, at most so many above `high`: all of the latter are taken.
  std::int64_t low = std::int64_t{std::numeric_limits<std::int32_t>::min()} - 1;
  std::int64_t high = std::numeric_limits<std::int32_t>::max();
  std::size_t above = 0;
  while (high - low > 1 && above < count) {
    const std::int64_t middle = low + (high - low) / 2;
    const std::size_t more = largest::count_above(x, n, middle);
    if (more > count) {
      low = middle;
    } else {
      high = middle;
      above = more;
    }
  }
  std::size_t equals = count - above;  // taken of those that equal `high`, which has no more above it
  std::size_t taken = 0;
  for (std::size_t i = 0; taken < count; ++i) {
    order[taken] = static_cast<std::int32_t>(i);
    const std::int64_t value = largest::ordered(x[i]);
    const bool equal = value == high && equals > 0;
    equals -= equal ? 1 : 0;
    taken += value > high || equal ? 1 : 0;
  }
}

}  // namespace bsbr
#endif
