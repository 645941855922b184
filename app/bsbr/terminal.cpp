#include "app/bsbr/terminal.h"

#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <sstream>

#include "engine/base/printable.h"

namespace bsbr::cli {
namespace {

using Clock = std::chrono::steady_clock;

constinit CancelToken token;

void on_signal(int signal) {
  token.cancel();
  if (signal == SIGINT) std::signal(SIGINT, SIG_DFL);
}

std::string padding(const std::string& text, std::size_t width) {
  const auto characters = static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  return std::string(width > characters ? width - characters : 0, ' ');
}
std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole < 60) return cat(whole, " s");
  return cat(whole / 60, " min ", whole % 60, " s");
}

}  // namespace

CancelToken& interrupted() {
  static std::once_flag watched;
  std::call_once(watched, [] {
    // On a stack of its own: oneDNN's kernels use the stack pointer for other things, and what a handler
    // keeps below it would overwrite their data.
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
  });
  return token;
}

void check_interrupted() {
  if (token.cancelled()) throw Error(ErrorKind::Cancelled, "cancelled");
}

std::string one_line(std::string_view text) {
  return printable(text);
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (terminal_ && !stage_.empty()) std::cerr << "\r\033[K" << std::flush;
}

Job ProgressLine::job() {
  interrupted();
  return unwatched_job();
}

Job ProgressLine::unwatched_job() {
  Job job;
  job.cancel = &token;
  if (terminal_) job.progress = [this](std::string_view stage, double fraction) { show(stage, fraction); };
  return job;
}

void ProgressLine::show(std::string_view stage, double fraction) {
  const auto now = Clock::now();
  if (stage != stage_) {
    stage_ = stage;
    started_ = now;
  } else if (now - shown_ < std::chrono::milliseconds(100)) {
    return;
  }
  shown_ = now;
  const double elapsed = std::chrono::duration<double>(now - started_).count();
  std::string left;
  if (fraction > 0.02 && elapsed > 0.5)
    left = ", " + duration_text(elapsed / fraction * (1 - fraction)) + " left";
  std::cerr << "\r\033[K" << stage << ' ' << static_cast<int>(fraction * 100) << " %" << left << std::flush;
}

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  const std::size_t sign = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > sign + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fixed(value, unit == 0 || value >= 100 ? 0 : 1) + " " + kUnits[unit];
}

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return std::move(out).str();
}

std::string percent(double share) {
  return fixed(100 * share, 1) + " %";
}

std::string left(const std::string& text, std::size_t width) {
  return text + padding(text, width);
}
std::string right(const std::string& text, std::size_t width) {
  return padding(text, width) + text;
}

}  // namespace bsbr::cli
