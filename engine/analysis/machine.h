#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace bsbr {

/// What measurements were made with.
struct Machine {
  std::string processor;        ///< its name
  int cores;                    ///< that this process may run on
  int threads;                  ///< that one computation uses
  std::int64_t memory_bytes;    ///< of the whole machine
  std::string instruction_set;  ///< that the CPU kernels chose
  std::string torch, compiler;  ///< versions

  /// "AMD EPYC 9R14, 2 cores (2 threads, AVX3_DL), 24 GiB; LibTorch 2.11.0, GCC 12.2.0".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] nlohmann::json to_json() const;
};

Machine this_machine();

}  // namespace bsbr
