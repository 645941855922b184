#pragma once

#include <optional>
#include <ostream>
#include <vector>

#include "engine/analysis/fidelity_report.h"
#include "engine/analysis/recall.h"

namespace bsbr::cli {

/// Lengths beside each other, then recall, then the layers and the worst heads of the longest length.
void print_fidelity(std::ostream& out, const std::vector<LengthFidelity>& lengths,
                    const std::optional<Recall>& recall);

}  // namespace bsbr::cli
