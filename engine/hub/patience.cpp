#include "engine/hub/patience.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <thread>

namespace bsbr {
namespace {

using std::chrono::milliseconds;
constexpr int kMostFailures = 5, kMostUnreachable = 3;
constexpr milliseconds kStep{50};

}  // namespace

void Patience::wait_after(const PassingError& error) {
  ++failures_;
  const int most = error.unreachable() ? kMostUnreachable : kMostFailures;
  if (failures_ >= most)
    throw Error(ErrorKind::Io, cat(error.what(), " (tried ", failures_, " times; what has come is kept)"));
  milliseconds wait = settings_.first_wait * (1 << (failures_ - 1));
  if (error.wait_seconds()) {
    const std::chrono::seconds asked(*error.wait_seconds());
    if (asked > settings_.longest_wait) {
      throw Error(ErrorKind::Io, cat(error.what(), ", and asks to wait ", asked.count(),
                                     " s; try again then, what has come is kept"));
    }
    wait = asked;
  }
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  for (milliseconds waited{0}; waited < wait; waited += kStep) {
    job_.report(cat(error.what(), "; trying again after ", seconds, " s"),
                static_cast<double>(waited.count()) / static_cast<double>(wait.count()));
    std::this_thread::sleep_for(std::min(kStep, wait - waited));
  }
}

std::optional<std::int64_t> retry_after_seconds(const HttpAnswer& answer) {
  const std::string text(answer.header("retry-after"));
  if (text.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (end == text.data() + text.size() && error == std::errc()) return std::max<std::int64_t>(seconds, 0);
  const std::time_t date = curl_getdate(text.c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::max<std::int64_t>(static_cast<std::int64_t>(date) - std::time(nullptr), 0);
}

bool may_pass(const HttpAnswer& answer) {
  static constexpr std::array<long, 6> kPassing{408, 429, 500, 502, 503, 504};
  return std::ranges::find(kPassing, answer.status) != kPassing.end() ||
         (answer.status == 403 && !answer.from_endpoint);
}

}  // namespace bsbr
