#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/analysis/doctor.h"
#include "engine/base/error.h"

namespace bsbr::cli {
namespace {

struct Doctor {
  explicit Doctor(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  std::int64_t cases = 20;
  std::uint64_t seed = 1;
  bool small = false;

  void print(const Diagnosis& diagnosis) const {
    terminal.out << "machine  " << diagnosis.machine.text() << '\n';
    if (diagnosis.device.empty()) {
      terminal.out << "GPU      none that can be used: " << one_line(diagnosis.no_gpu)
                   << "\nchecks   of the CPU kernels\n";
    } else {
      terminal.out << "GPU      " << one_line(diagnosis.device) << ", " << human_bytes(diagnosis.free_bytes)
                   << " of " << human_bytes(diagnosis.total_bytes)
                   << " free\nchecks   of the CPU and the CUDA kernels\n";
    }
    for (const AttentionTime& time : diagnosis.times) {
      terminal.out << "attention of " << with_commas(time.tokens) << " tokens  dense "
                   << fixed(time.dense_ms, 2) << " ms, BSBR " << fixed(time.bsbr_ms, 2) << " ms\n";
    }
    for (const CheckedKernel& check : diagnosis.failed)
      terminal.out << "FAILED   " << check.kernel << " (" << check.input << "): " << check.fault << '\n';
    terminal.out << diagnosis.passed << " passed, " << diagnosis.failed.size() << " failed\n";
  }

  void run() const {
    common.apply();
    const Diagnosis diagnosis = [&] {
      ProgressLine progress(terminal);
      return diagnose(cases, seed, small, progress.job());
    }();
    if (common.device == "cuda" && diagnosis.device.empty()) throw Error(ErrorKind::Device, diagnosis.no_gpu);
    if (common.json) {
      terminal.print_json(diagnosis.to_json());
    } else {
      print(diagnosis);
    }
    if (!diagnosis.failed.empty()) {
      terminal.out.flush();
      throw Error(ErrorKind::Internal,
                  "kernels compute something else than the reference; what they were given stands above");
    }
  }
};

}  // namespace

void add_doctor(CommandLine& line, Terminal& terminal) {
  auto doctor = std::make_shared<Doctor>(terminal);
  const Command command = line.add(
      "doctor", "Say what this machine has, and check every kernel against the reference on random inputs");
  command.option("--cases", doctor->cases, "Random inputs of each element type")
      .between(1, 100000)
      .with_default();
  command.option("--seed", doctor->seed, "Of the random inputs").unsigned_number().with_default();
  command.flag("--small", doctor->small,
               "On a GPU too only the random inputs, and no times: for a run under compute-sanitizer");
  doctor->common.add_to(command);
  command.action([doctor] { doctor->run(); });
}

}  // namespace bsbr::cli
