#include "tests/cli/run_bsbr.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "app/bsbr/run.h"
#include "engine/base/error.h"
#include "tests/cli/program.h"

namespace bsbr::test {

std::string RunResult::text() const {
  return cat("exit ", code, ", ", seconds, " s, stdout: ", out.substr(0, 2000),
             ", stderr: ", err.substr(0, 2000));
}

nlohmann::json RunResult::json() const {
  if (code != 0) throw std::runtime_error(text());
  return nlohmann::json::parse(out);
}

namespace {

using Clock = std::chrono::steady_clock;

/// What only a process of its own can have: a signal, descriptors, limits, a working folder, and variables
/// that libraries read when they are loaded.
bool needs_process(const RunOptions& options) {
  const auto is_read_by_each_run = [](const auto& variable) {
    return variable.first.starts_with("HF_") || variable.first == "XDG_CACHE_HOME";
  };
  return options.process || options.in_child || !options.folder.empty() || options.signal != 0 ||
         !std::ranges::all_of(options.environment, is_read_by_each_run);
}

/// Variables of this process, until the end of the scope.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      const char* const before = std::getenv(name.c_str());
      before_.emplace_back(name, before != nullptr ? std::optional<std::string>(before) : std::nullopt);
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& [name, value] : before_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
  }

 private:
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

/// The program's C locale: QCoreApplication has set the user's.
class PlainLocale {
 public:
  PlainLocale() { std::setlocale(LC_ALL, "C"); }
  PlainLocale(const PlainLocale&) = delete;
  PlainLocale& operator=(const PlainLocale&) = delete;
  ~PlainLocale() { std::setlocale(LC_ALL, before_.c_str()); }

 private:
  std::string before_ = std::setlocale(LC_ALL, nullptr);
};

/// A run that calls exit() would end the test as if all were well.
class NoExit {
 public:
  NoExit() {
    [[maybe_unused]] static const int once = std::atexit([] {
      if (!running_) return;
      std::fputs("bsbr called exit() within a test\n", stderr);
      std::abort();
    });
    running_ = true;
  }
  NoExit(const NoExit&) = delete;
  NoExit& operator=(const NoExit&) = delete;
  ~NoExit() { running_ = false; }

 private:
  static inline bool running_ = false;
};

/// Private writable memory, by RLIMIT_DATA: mappings of files do not count.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::uint64_t more) {
    ::getrlimit(RLIMIT_DATA, &before_);
    if (more != 0) set({used() + more, before_.rlim_max});
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { set(before_); }

 private:
  static void set(const rlimit& limit) { ::setrlimit(RLIMIT_DATA, &limit); }
  static std::uint64_t used() {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line)) {
      if (line.starts_with("VmData:")) return 1024 * std::stoull(line.substr(7));
    }
    throw std::runtime_error("/proc/self/status has no VmData");
  }

  rlimit before_{};
};

RunResult run_here(const std::vector<std::string>& arguments, const RunOptions& options) {
  const Environment environment(options.environment);
  const PlainLocale locale;
  const NoExit no_exit;
  std::istringstream in(options.input);
  std::ostringstream out, err;
  RunResult result;
  try {
    const MemoryLimit limit(options.memory);
    result.code = cli::run(arguments, {in, out, err});
  } catch (...) {
    throw std::runtime_error("bsbr threw; stderr: " + err.str());
  }
  result.out = std::move(out).str();
  result.err = std::move(err).str();
  return result;
}

RunResult run_program(const std::vector<std::string>& arguments, RunOptions options) {
  if (options.memory != 0) throw std::runtime_error("memory is limited for runs in this process only");
  // Threads that wait must not take the time of those that work, on machines with fewer cores than threads.
  options.environment.emplace("OMP_WAIT_POLICY", "passive");
  const auto start = Clock::now();
  const auto ms = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
  };
  Program program(BSBR_PROGRAM, arguments, options);
  const auto is_time_for_signal = [&] {
    if (options.signal_on_output) return !program.out.empty();
    return options.signal_when ? options.signal_when() : ms() >= options.signal_after_ms;
  };
  bool signalled = options.signal == 0;
  while (!program.ended_within(signalled ? 20 : 2)) {
    if (!signalled && is_time_for_signal()) {
      program.send(options.signal);
      signalled = true;
    }
    if (ms() > options.limit_ms)
      throw std::runtime_error(cat(BSBR_PROGRAM, ": did not end within ", options.limit_ms, " ms"));
  }
  return {program.code(), std::move(program.out), std::move(program.err)};
}

}  // namespace

RunResult run_bsbr(const std::vector<std::string>& arguments, const RunOptions& options) {
  const auto start = Clock::now();
  RunResult result = needs_process(options) ? run_program(arguments, options) : run_here(arguments, options);
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

std::string refusal_problem(const RunResult& result, const std::vector<std::string>& parts) {
  if (result.code != 1) return "not exit 1: " + result.text();
  if (!result.out.empty()) return "something on stdout: " + result.text();
  if (!result.err.starts_with("bsbr: ") || !result.err.ends_with('\n'))
    return "not \"bsbr: ...\": " + result.text();
  if (std::ranges::count(result.err, '\n') != 1) return "not one line: " + result.text();
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (std::any_of(result.err.begin(), result.err.end() - 1, control))
    return "control characters: " + result.text();
  for (const std::string& part : parts) {
    if (result.err.find(part) == std::string::npos) return cat("\"", part, "\" is not in: ", result.text());
  }
  return {};
}

void obey_permissions() {
  if (::geteuid() == 0) ::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
}

}  // namespace bsbr::test
