#include "app/bsbr/run.h"

#include <algorithm>
#include <new>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/terminal.h"
#include "engine/analysis/machine.h"
#include "engine/base/error.h"
#include "engine/model/runtime.h"

namespace bsbr::cli {
namespace {

constexpr int kError = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells expect

/// What --threads changes is the process's, and is put back.
class SameThreads {
 public:
  SameThreads() = default;
  SameThreads(const SameThreads&) = delete;
  SameThreads& operator=(const SameThreads&) = delete;
  ~SameThreads() {
    if (threads() != before_) set_threads(std::min(before_, kMostThreads));
  }

 private:
  int before_ = threads();
};

/// The version, and what a report of a fault should name.
std::string version_text() {
  const Machine machine = this_machine();
  return cat(BSBR_VERSION, "\nLibTorch ", machine.torch, ", ", machine.compiler, "\nkernels for ",
             machine.instruction_set, " on ", machine.processor);
}

int run_command(std::span<const std::string> arguments, Terminal& terminal) {
  CommandLine line("bsbr", version_text,
                   "Converts pre-trained language models to block-sparse attention with block retrieval "
                   "(BSBR), and shows what that costs and saves.");
  add_info(line, terminal);
  add_convert(line, terminal);
  add_compare(line, terminal);
  add_fidelity(line, terminal);
  add_sweep(line, terminal);
  add_bench(line, terminal);
  add_generate(line, terminal);
  add_tokenize(line, terminal);
  add_logits(line, terminal);
  add_cache(line, terminal);
  add_doctor(line, terminal);
  add_convert_example(line, terminal);
  const int code = line.run(arguments, terminal.out, terminal.err) ? 0 : kUsage;
  terminal.out.flush();
  if (!terminal.out) throw Error(ErrorKind::Io, "standard output cannot be written; is the disk full?");
  return code;
}

}  // namespace

int run(std::span<const std::string> arguments, const Streams& streams, const Interruption& interruption) {
  const SameThreads same_threads;
  try {
    Terminal terminal(streams, interruption);
    return run_command(arguments, terminal);
  } catch (const Error& error) {
    streams.err << "bsbr: " << one_line(error.what()) << '\n';
    return error.kind() == ErrorKind::Cancelled ? kInterrupted : kError;
  } catch (const std::bad_alloc&) {
    streams.err << "bsbr: memory is exhausted\n";
    return kError;
  } catch (const std::exception& error) {
    streams.err << "bsbr: unexpected error: " << one_line(error.what()) << '\n';
    return kError;
  }
}

}  // namespace bsbr::cli
