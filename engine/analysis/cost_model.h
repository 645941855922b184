#pragma once

#include <cstdint>

#include "engine/base/job.h"
#include "engine/model/language_model.h"
#include "engine/model/part_seconds.h"

namespace bsbr {

/// What a machine reaches with the shapes of one model: floating-point operations and bytes a second.
struct Ceilings {
  double product_flops;     ///< a linear layer over many rows
  double dense_flops;       ///< LibTorch's fused attention
  double sparse_flops;      ///< the BSBR kernel, of what it reads exactly
  double state_flops;       ///< … and of what it reads through states
  double bytes_per_second;  ///< weights that are streamed from memory

  [[nodiscard]] nlohmann::json to_json() const;
};

/// Measures them on random input, in a second or two. Throws Error(OutOfMemory | Cancelled).
Ceilings measure_ceilings(const LanguageModel& model, const Job& job = {});

/// What running a model will take, as far as arithmetic and memory traffic tell.
struct PredictedCost {
  PartSeconds prefill, decode;                 ///< of a whole prefill; of one token after it
  double prefill_other = 0, decode_other = 0;  ///< seconds of what is no part: norms, activations, sums
  std::int64_t cache_bytes = 0, peak_bytes = 0;

  [[nodiscard]] double prefill_ms() const;
  [[nodiscard]] double decode_ms() const;
  [[nodiscard]] nlohmann::json to_json() const;
};

/// Of a model (dense, or converted) at a length. `density` is what its prefill reads exactly of all causal
/// pairs; 1 for dense attention. Pure arithmetic: it can follow a slider.
PredictedCost predict_cost(const LanguageModel& model, const Ceilings& ceilings, std::int64_t tokens,
                           double density);

/// States, of blocks and of chunks, that a head of this plan scores for the queries of a prefill, all
/// together.
double scored_states(const BsbrConfig& config, const HeadPlan& plan, std::int64_t tokens);

}  // namespace bsbr
