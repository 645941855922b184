#pragma once

#include <cstddef>

/// The vectorised inner loops of attention, compiled for every instruction set and chosen at run time
/// (Highway). Thread-safe. Rows are given as pointers, so that any subset of a tile can be processed
/// together.
namespace bsbr::micro {

/// Row lengths of values, accumulators and queries are padded to a multiple of this many floats.
inline constexpr std::size_t kPad = 16;

constexpr std::size_t padded(std::size_t n) {
  return (n + kPad - 1) / kPad * kPad;
}

/// out[r][j] = Σ_i query[r][i] · keys[i · stride + j] + bias[j] for r < rows, j < width.
/// `keys` is transposed, [dim, stride], and readable up to column padded(width); bias may be nullptr.
/// Every result is summed in the order of i, whatever rows and width are.
void logits(const float* const* query, float* const* out, std::size_t rows, std::size_t dim,
            const float* keys, std::size_t stride, std::size_t width, const float* bias);

/// out[r][i] += Σ_j weight[r][j] · values[j · dim + i] for r < rows, i < dim; dim is a multiple of kPad.
void accumulate(const float* const* weight, float* const* out, std::size_t rows, const float* values,
                std::size_t width, std::size_t dim);

/// A softmax that is read piece by piece: so far out = Σ_j w_j · value_j and sum = Σ_j w_j with
/// w_j = e^(logit_j - shift). A new row has out = 0, sum = 0 and shift = -infinity. The shift follows the
/// largest logit at a distance (kRoom), so that out is rescaled rarely.
struct SoftmaxRow {
  const float* query;
  float* out;
  float sum;
  float shift;
};

/// How far a logit may lie above the shift: e^60 is far from overflow, also times a sum of many.
inline constexpr float kRoom = 60.0F;

/// Moves a row's shift; out has `dim` elements.
void rescale(SoftmaxRow& row, float shift, std::size_t dim);

/// Reads `width` keys and values into each of `count` rows. `keys` as in logits() with no bias, [dim,
/// key_stride]; `values` as in accumulate(), [width, value_stride], the length of out too. Row r sees the
/// first visible[r] columns; nullptr: all. The result of a row does not depend on the others.
void attend(SoftmaxRow* const* rows, std::size_t count, std::size_t dim, const float* keys,
            std::size_t key_stride, const float* values, std::size_t value_stride, std::size_t width,
            const std::size_t* visible);

/// Largest of x[0, n); -infinity when n is 0.
float maximum(const float* x, std::size_t n);

/// x[i] = e^(x[i] - shift) for i < n; returns their sum.
float exponentiate(float* x, std::size_t n, float shift);

/// Σ x[i], i < n.
float sum(const float* x, std::size_t n);

/// sum[g] = Σ_{i < width} x[g · width + i] for g < groups; fast where width is 1, 2, 4 or 8.
void group_sums(const float* x, std::size_t groups, std::size_t width, float* sum);

/// Name of the instruction set in use, e.g. "AVX3_DL".
const char* instruction_set();

}  // namespace bsbr::micro
