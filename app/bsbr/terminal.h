#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/job.h"

namespace bsbr::cli {

/// Set by SIGINT (Ctrl-C), SIGTERM and SIGHUP; the running command then cleans up and ends. A second SIGINT
/// ends the program at once. The signals are watched from the first call on; before, while nothing needs to
/// be cleaned up, they end the program as they end any other.
CancelToken& interrupted();

/// Throws Error(Cancelled) if interrupted() was called and a signal has come since.
void check_interrupted();

/// `text` fit for one line of a terminal: control characters are shown as \xNN.
std::string one_line(std::string_view text);

/// A job that is cancelled by interrupted() and shows its progress, with the time left, in one line of stderr
/// if that is a terminal. Destroy it before printing results: that clears the line.
class ProgressLine {
 public:
  ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();
  [[nodiscard]] Job job();
  /// The same for work that leaves nothing to clean up: the signals are not watched from here on.
  [[nodiscard]] Job unwatched_job();

 private:
  void show(std::string_view stage, double fraction);

  bool terminal_;
  std::string stage_;
  std::chrono::steady_clock::time_point started_, shown_;
};

/// "12,345".
std::string with_commas(std::int64_t number);
/// "1.5 MiB".
std::string human_bytes(std::int64_t bytes);
/// Fixed-point with `digits` after the point.
std::string fixed(double value, int digits);
/// "12.3 %".
std::string percent(double share);

/// Cells of a table: padded with spaces to a width in characters; what is wider stays as it is.
std::string left(const std::string& text, std::size_t width);
std::string right(const std::string& text, std::size_t width);

}  // namespace bsbr::cli
