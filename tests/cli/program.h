#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/cli/run_bsbr.h"

namespace bsbr::test {

/// A program that runs, with pipes for its three standard streams; killed where it still runs at the end.
/// Started by fork() and execve(): QProcess (Qt 6.4) runs its child modifier by vfork() on a stack of 4 KiB
/// within the caller's frame, and a modifier that needs more, as any that allocates under ASan, overwrites
/// what the caller returns to.
class Program {
 public:
  Program(const std::string& path, const std::vector<std::string>& arguments, const RunOptions& options);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();
  /// Passes input and output on for so long, or until the program has ended; whether it has.
  bool ended_within(int ms);
  void send(int signal) const;

  [[nodiscard]] int code() const;  ///< as in RunResult, of one that has ended
  std::string out, err;

 private:
  void feed();
  static void take(int& fd, std::string& text);

  pid_t id_;
  int in_ = -1, out_ = -1, err_ = -1;  // this side's ends; -1: closed
  std::string input_;
  std::size_t fed_ = 0;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace bsbr::test
