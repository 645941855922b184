#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/bsbr/run.h"
#include "engine/base/job.h"

namespace bsbr::cli {

/// What a command talks to: the streams of its run, and who may interrupt it.
class Terminal : public Streams {
 public:
  Terminal(const Streams& streams, const Interruption& interruption)
      : Streams(streams), interruption_(interruption) {}
  /// For work that has something to clean up when it is interrupted.
  [[nodiscard]] Job job() const;
  /// For work that has not: until the first job() signals end the program as they end any other.
  [[nodiscard]] Job unwatched_job() const { return {{}, interruption_.token}; }
  /// Prints warnings to `err`, each once in a run, and keeps them for print_json().
  void warn(const std::vector<std::string>& warnings);
  /// Prints one JSON object, with "warnings", a list, where a checkpoint was opened.
  void print_json(const nlohmann::json& json);

 private:
  Interruption interruption_;
  std::optional<std::vector<std::string>> warnings_;  // nothing before the first warn()
};

/// `text` fit for one line of a terminal: control characters are shown as \xNN.
std::string one_line(std::string_view text);

/// Jobs of the terminal that show their progress, with the time left, in one line of its `err` if it does so.
/// Destroy it before printing results: that clears the line.
class ProgressLine {
 public:
  explicit ProgressLine(Terminal& terminal) : terminal_(terminal) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();
  [[nodiscard]] Job job() { return shown(terminal_.job()); }
  [[nodiscard]] Job unwatched_job() { return shown(terminal_.unwatched_job()); }

 private:
  [[nodiscard]] Job shown(Job job);
  void show(std::string_view stage, double fraction);

  Terminal& terminal_;
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
