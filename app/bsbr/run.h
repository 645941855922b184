#pragma once

#include <functional>
#include <iosfwd>
#include <span>
#include <string>

#include "engine/base/job.h"

namespace bsbr::cli {

/// What a run reads from and prints to.
struct Streams {
  std::istream& in;  ///< where exceptions() says so, an Error of its buffer is passed on
  std::ostream& out;
  std::ostream& err;
  bool shows_progress = false;  ///< in one line of `err`, which is a terminal
};

/// How a run is asked to end.
struct Interruption {
  const CancelToken* token = nullptr;  ///< once it is set, the command cleans up and ends
  std::function<void()> watch;         ///< called before there is something to clean up, once or more often
};

/// Runs the command line: the program without its name, its descriptors and its signals. The exit status: 0,
/// 1 for an error, 2 for wrong usage, 130 where the token ended it. Nothing of one run stays for the next.
int run(std::span<const std::string> arguments, const Streams& streams,
        const Interruption& interruption = {});

}  // namespace bsbr::cli
