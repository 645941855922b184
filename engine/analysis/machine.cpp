#include "engine/analysis/machine.h"

#include <ATen/Parallel.h>
#include <sched.h>
#include <torch/headeronly/version.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <fstream>

#include "engine/base/error.h"
#include "engine/kernels/cpu/micro.h"

namespace bsbr {
namespace {

/// The value of the first line "name : value" of /proc/cpuinfo.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace

Machine this_machine() {
  return {
      processor_name(),          usable_cores(),
      at::get_num_threads(),     static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE),
      micro::instruction_set(),  TORCH_VERSION,
#ifdef __clang__
      "Clang " __clang_version__
#else
      "GCC " __VERSION__
#endif
  };
}

std::string Machine::text() const {
  return cat(processor, ", ", cores, cores == 1 ? " core (" : " cores (", threads,
             threads == 1 ? " thread, " : " threads, ", instruction_set, "), ", memory_bytes >> 30,
             " GiB; LibTorch ", torch, ", ", compiler);
}

nlohmann::json Machine::to_json() const {
  return {{"processor", processor},
          {"cores", cores},
          {"threads", threads},
          {"memory_bytes", memory_bytes},
          {"instruction_set", instruction_set},
          {"torch", torch},
          {"compiler", compiler}};
}

}  // namespace bsbr
