#include <iostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/terminal.h"
#include "engine/base/error.h"

namespace {

constexpr int kError = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells expect

int run(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    std::cout.flush();
    if (!std::cout)
      throw bsbr::Error(bsbr::ErrorKind::Io, "standard output cannot be written; is the disk full?");
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  } catch (const bsbr::Error& error) {
    std::cerr << "bsbr: " << error.what() << '\n';
    return error.kind() == bsbr::ErrorKind::Cancelled ? kInterrupted : kError;
  } catch (const std::bad_alloc&) {
    std::cerr << "bsbr: memory is exhausted\n";
    return kError;
  } catch (const std::exception& error) {
    std::cerr << "bsbr: unexpected error: " << error.what() << '\n';
    return kError;
  }
}

}  // namespace

int main(int argc, char** argv) {
  bsbr::cli::watch_signals();
  CLI::App app(
      "Converts pre-trained language models to block-sparse attention with block retrieval (BSBR), and shows "
      "what that costs and saves.",
      "bsbr");
  app.set_version_flag("--version", BSBR_VERSION);
  app.require_subcommand(1);
  app.fallthrough(false);
  bsbr::cli::add_info(app);
  bsbr::cli::add_convert(app);
  bsbr::cli::add_compare(app);
  bsbr::cli::add_generate(app);
  bsbr::cli::add_tokenize(app);
  bsbr::cli::add_logits(app);
  bsbr::cli::add_convert_example(app);
  return run(app, argc, argv);
}
