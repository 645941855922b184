#pragma once

/// The instruction sets that Highway leaves out; before foreach_target.h. Scalable vectors cannot be kept in
/// arrays; on such machines NEON serves.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
