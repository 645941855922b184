#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/analysis/machine.h"
#include "engine/base/job.h"

namespace bsbr {

/// What one kernel check found, without tensors: KernelCheck.
struct CheckedKernel {
  std::string kernel, input, fault;
};

/// How long a layer's attention takes on the GPU over a whole sequence.
struct AttentionTime {
  std::int64_t tokens;
  double dense_ms, bsbr_ms;
};

/// What `bsbr doctor` says.
struct Diagnosis {
  Machine machine;
  std::string device;                            ///< the GPU; empty: there is none that can be used
  std::string no_gpu;                            ///< why
  std::int64_t free_bytes = 0, total_bytes = 0;  ///< of the GPU
  std::int64_t passed = 0;
  std::vector<CheckedKernel> failed;
  std::vector<AttentionTime>
      times;  ///< bfloat16, 9 heads of 64 in groups of 3, settings as by default; on a GPU

  [[nodiscard]] nlohmann::json to_json() const;
};

/// Looks at the machine and checks every kernel on `cases` random inputs: those of the CPU against the plain
/// implementation, and where there is a GPU its own, in each element type, there also on heads of the usual
/// sizes with the default settings, unless only `small` inputs are asked for; then nothing is timed either.
/// Throws Error(Cancelled).
Diagnosis diagnose(std::int64_t cases, std::uint64_t seed, bool small = false, const Job& job = {});

}  // namespace bsbr
