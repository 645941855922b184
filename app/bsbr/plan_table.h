#pragma once

#include <cstdint>
#include <ostream>

#include "engine/attention/bsbr_config.h"

namespace bsbr::cli {

/// The plan of every head as a table of layers and heads, a short cell each, and what the cells mean.
/// `context`: of the model; a head that may read so many tokens reads all.
void print_plan(std::ostream& out, const BsbrConfig& config, std::int64_t context);

}  // namespace bsbr::cli
