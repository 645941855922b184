#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/attention/bsbr_config.h"
#include "engine/model/decoder.h"

namespace bsbr {

/// One way for a head to read its past, and what that means on calibration text.
struct HeadOption {
  HeadPlan plan;
  double pairs;  ///< exact (query, key) pairs of a query, mean over the text
  /// What the head's deviation from dense attention does to the residual stream: |(ô - o) W_o|² / |x|², mean
  /// over queries past the first quarter of the text.
  double error;
};

/// Far tokens that a head with a threshold may read at most: 16 chunks, or two thirds of its candidates.
std::int64_t most_retrieved(const BsbrConfig& config);

/// The options of each head of a layer, [heads][options]: from nothing far over falling thresholds to
/// everything, measured on the `queries` at these positions, all of which count, or if there are none on a
/// sample. `input` is of one text of whole chunks; it takes O(tokens) memory.
std::vector<std::vector<HeadOption>> measure_options(const AttentionInput& input, const AttentionShape& shape,
                                                     const Linear& attention_out, const BsbrConfig& config,
                                                     std::span<const std::int64_t> queries = {});

}  // namespace bsbr
