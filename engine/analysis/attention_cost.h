#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/analysis/cost.h"
#include "engine/base/job.h"
#include "engine/base/statistics.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// What the attention of one layer takes at one length, from queries, keys and values to each head's result.
struct AttentionCost {
  Spread ms;
  double scoring_ms = 0;  ///< of that, choosing what is read exactly; mean
  double exact_ms = 0;    ///< of that, reading it, where the kernel tells; mean
  /// Most tensor memory at once beyond queries, keys, values, the cache and the result.
  std::int64_t scratch_bytes = 0;
  double density = 1;
  double exact_flops = 0;  ///< useful arithmetic: 4 · head_dim of each pair that is read exactly

  [[nodiscard]] nlohmann::json to_json() const;
};

struct AttentionCostOptions {
  std::int64_t layer = 0;
  int repetitions = 5;       ///< as in CostOptions
  double most_seconds = 60;  ///< as in CostOptions
};

/// Measures the attention of one layer of several models with the same weights, in turn. The layer's input
/// comes from the first model, which reads the text in windows of 1,024 tokens, so that length costs it
/// nothing but time; positions go on from window to window. With rotary positions the length may exceed the
/// context. Throws Error(InvalidArgument | OutOfMemory | Cancelled).
std::vector<AttentionCost> measure_attention(std::span<const LanguageModel* const> models,
                                             std::span<const TokenId> ids,
                                             const AttentionCostOptions& options, const Job& job = {});

/// Floating-point operations a second that a product of two square float32 matrices of 1,024 reaches with
/// the threads in use: the best of several.
double matrix_product_flops();

}  // namespace bsbr
