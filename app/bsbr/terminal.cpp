#include "app/bsbr/terminal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "engine/base/printable.h"

namespace bsbr::cli {
namespace {

using Clock = std::chrono::steady_clock;

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

Job Terminal::job() const {
  if (interruption_.watch) interruption_.watch();
  return unwatched_job();
}

void Terminal::warn(const std::vector<std::string>& warnings) {
  if (!warnings_) warnings_.emplace();
  for (const std::string& warning : warnings) {
    if (std::ranges::find(*warnings_, warning) != warnings_->end()) continue;
    warnings_->push_back(warning);
    err << "bsbr: warning: " << one_line(warning) << '\n';
  }
}

void Terminal::print_json(const nlohmann::json& json) {
  nlohmann::json whole = json;
  if (warnings_) whole["warnings"] = *warnings_;
  out << whole.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

std::string one_line(std::string_view text) {
  return printable(text);
}

ProgressLine::~ProgressLine() {
  if (!stage_.empty()) terminal_.err << "\r\033[K" << std::flush;
}

Job ProgressLine::shown(Job job) {
  if (terminal_.shows_progress)
    job.progress = [this](std::string_view stage, double fraction) { show(stage, fraction); };
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
  terminal_.err << "\r\033[K" << stage << ' ' << static_cast<int>(fraction * 100) << " %" << left
                << std::flush;
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
