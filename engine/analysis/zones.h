#pragma once

#include <vector>

#include "engine/analysis/attention_map.h"
#include "engine/attention/selection.h"

namespace bsbr {

/// How the selection's query `row` reads each token up to the last query.
inline std::vector<Zone> zones_of(const Selection& selection, std::int64_t row, const HeadPlan& plan) {
  const at::Tensor exact = selection.exact[row].to(at::kCPU).contiguous();
  const bool* is_exact = exact.const_data_ptr<bool>();
  std::vector<Zone> zones;
  zones.reserve(static_cast<std::size_t>(exact.numel()));
  for (std::int64_t token = 0; token < exact.numel(); ++token) {
    if (token < selection.sink)
      zones.push_back(Zone::Sink);
    else if (token >= selection.recent)
      zones.push_back(Zone::Near);
    else if (is_exact[token])
      zones.push_back(Zone::Retrieved);
    else
      zones.push_back(plan.states ? Zone::Condensed : Zone::Dropped);
  }
  return zones;
}

}  // namespace bsbr
