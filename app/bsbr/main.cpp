#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <streambuf>
#include <string>
#include <vector>

#include "app/bsbr/run.h"
#include "engine/base/error.h"

namespace {

constinit bsbr::CancelToken token;

void on_signal(int signal) {
  token.cancel();
  if (signal == SIGINT) std::signal(SIGINT, SIG_DFL);
}

/// From here on SIGINT (Ctrl-C), SIGTERM and SIGHUP set the token, and a second SIGINT ends the program at
/// once.
void watch_signals() {
  static bool watched = false;
  if (watched) return;
  watched = true;
  // On a stack of its own: oneDNN's kernels use the stack pointer for other things, and what a handler keeps
  // below it would overwrite their data.
  static std::array<char, 65536> room;
  const stack_t stack{room.data(), 0, room.size()};
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // as nohup wants it
  }
}

/// Standard input. Where signals are watched already they end the waiting for it, too.
class StandardInput : public std::streambuf {
 protected:
  int_type underflow() override {
    while (true) {
      wait();
      const ssize_t got = ::read(STDIN_FILENO, piece_.data(), piece_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0)
        throw bsbr::Error(bsbr::ErrorKind::Io,
                          "standard input cannot be read: " + bsbr::system_message(errno));
      if (got == 0) return traits_type::eof();
      setg(piece_.data(), piece_.data(), piece_.data() + got);
      return traits_type::to_int_type(piece_.front());
    }
  }

 private:
  static void wait() {
    constexpr int kPollMs = 200;
    const bsbr::Job job{{}, &token};
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (::poll(&input, 1, kPollMs) == 0) job.check();
    job.check();
  }

  std::array<char, 65536> piece_;
};

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

}  // namespace

int main(int argc, char** argv) {
  hold_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the user's limit is an error of write(), and no reason to die
  StandardInput input;
  std::istream in(&input);
  in.exceptions(std::ios::badbit);
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const bool is_terminal = ::isatty(STDERR_FILENO) != 0;
  return bsbr::cli::run(arguments, {in, std::cout, std::cerr, is_terminal}, {&token, watch_signals});
}
