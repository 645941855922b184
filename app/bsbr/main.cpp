#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "app/bsbr/commands.h"
#include "app/bsbr/terminal.h"
#include "engine/base/error.h"

namespace {

constexpr int kError = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells expect

/// Where a standard descriptor is closed, the next file that is opened would take its number, and what is
/// printed would end up in that file. Its place is held open the wrong way round, so that reading or printing
/// fails as it should.
void hold_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // open() takes the lowest free number, and those below are taken.
    [[maybe_unused]] const int same = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

/// The arguments after the program's name, the last one first, as CLI11 takes them. CLI11 reads an option of
/// text with nothing behind its "=" as one whose text comes next, so that is made two arguments, the second
/// of them empty.
std::vector<std::string> reversed_arguments(const CLI::App& app, int argc, char** argv) {
  const std::span<char*> given(argv, static_cast<std::size_t>(argc));
  const CLI::App* command = &app;
  std::vector<std::string> arguments;
  for (std::size_t i = 1; i < given.size(); ++i) {
    std::string argument = given[i];
    if (command == &app) {
      const auto named =
          app.get_subcommands([&](const CLI::App* each) { return each->check_name(argument); });
      if (!named.empty()) command = named.front();
    }
    const bool empty =
        argument.size() > 3 && argument.starts_with("--") && argument.find('=') + 1 == argument.size();
    const CLI::Option* const option =
        empty ? command->get_option_no_throw(argument.substr(0, argument.size() - 1)) : nullptr;
    const bool takes_value = option != nullptr && option->get_items_expected_max() > 0;
    // CLI11 would read an empty number as 0.
    if (takes_value && !option->get_type_name().starts_with("TEXT"))
      throw CLI::ArgumentMismatch(argument + ": a value is missing");
    if (takes_value) argument.pop_back();
    arguments.push_back(std::move(argument));
    if (takes_value) arguments.emplace_back();
  }
  std::ranges::reverse(arguments);
  return arguments;
}

/// Runs the command; the exit status of success, or of help and of wrong usage, which CLI11 prints.
int parse_and_run(CLI::App& app, int argc, char** argv) {
  int code = 0;
  try {
    app.parse(reversed_arguments(app, argc, argv));
    // By hand: CLI11 would say this of an unknown command too, in place of naming it.
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A command");
  } catch (const CLI::ParseError& error) {
    code = app.exit(error) == 0 ? 0 : kUsage;
  }
  std::cout.flush();
  if (!std::cout)
    throw bsbr::Error(bsbr::ErrorKind::Io, "standard output cannot be written; is the disk full?");
  return code;
}

int run(CLI::App& app, int argc, char** argv) {
  try {
    return parse_and_run(app, argc, argv);
  } catch (const bsbr::Error& error) {
    std::cerr << "bsbr: " << bsbr::cli::one_line(error.what()) << '\n';
    return error.kind() == bsbr::ErrorKind::Cancelled ? kInterrupted : kError;
  } catch (const std::bad_alloc&) {
    std::cerr << "bsbr: memory is exhausted\n";
    return kError;
  } catch (const std::exception& error) {
    std::cerr << "bsbr: unexpected error: " << bsbr::cli::one_line(error.what()) << '\n';
    return kError;
  }
}

}  // namespace

int main(int argc, char** argv) {
  hold_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the user's limit is an error of write(), and no reason to die
  CLI::App app(
      "Converts pre-trained language models to block-sparse attention with block retrieval (BSBR), and shows "
      "what that costs and saves.",
      "bsbr");
  app.set_version_flag("--version", BSBR_VERSION);
  app.require_subcommand(0, 1);
  app.fallthrough(false);
  bsbr::cli::add_info(app);
  bsbr::cli::add_convert(app);
  bsbr::cli::add_compare(app);
  bsbr::cli::add_fidelity(app);
  bsbr::cli::add_sweep(app);
  bsbr::cli::add_bench(app);
  bsbr::cli::add_generate(app);
  bsbr::cli::add_tokenize(app);
  bsbr::cli::add_logits(app);
  bsbr::cli::add_cache(app);
  bsbr::cli::add_doctor(app);
  bsbr::cli::add_convert_example(app);
  return run(app, argc, argv);
}
