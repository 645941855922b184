#pragma once

#include <chrono>
#include <functional>

#include "engine/base/job.h"
#include "engine/hub/http.h"

namespace bsbr {

/// Tries again what may pass: five times in all, three times where not even a connection is made. Waits for
/// as long as the server asks with Retry-After, else 1, 2, 4, … seconds; job.check() is called meanwhile, and
/// the waiting is its stage.
class Patience {
 public:
  Patience(const HubSettings& settings, const Job& job) : settings_(settings), job_(job) {}

  /// After a failure: returns when it is time to try again. Throws Error(Io) with the failure's words where
  /// there were enough, or where the server asks for too long a wait; Error(Cancelled).
  void wait_after(const PassingError& error);
  /// Something has come: failures are counted from here on.
  void made_progress() { failures_ = 0; }

  /// What `attempt` returns, once it does.
  template <class Attempt>
  auto until_done(Attempt attempt) {
    while (true) {
      try {
        return attempt();
      } catch (const PassingError& error) {
        wait_after(error);
      }
    }
  }

 private:
  const HubSettings& settings_;
  const Job& job_;
  int failures_ = 0;
};

/// The wait that an answer asks for, if it does: Retry-After as seconds or as a date.
std::optional<std::int64_t> retry_after_seconds(const HttpAnswer& answer);

/// Whether a status asks for patience: 408, 429, 500, 502, 503, 504; or 403 of another than the endpoint,
/// whose signed addresses expire.
bool may_pass(const HttpAnswer& answer);

}  // namespace bsbr
