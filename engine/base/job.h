#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/error.h"

namespace bsbr {

/// Asks a long computation to stop. Thread-safe; cancel() may be called from a signal handler.
class CancelToken {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
  static_assert(std::atomic<bool>::is_always_lock_free);
};

/// What a caller hands to long work: where progress goes, and how to stop it. Copyable; both may be absent.
struct Job {
  /// Called on the working thread with the stage's name and the fraction of it that is done, 0 to 1.
  std::function<void(std::string_view stage, double fraction)> progress;
  const CancelToken* cancel = nullptr;

  void report(std::string_view stage, double fraction) const {
    check();
    if (progress) progress(stage, fraction);
  }
  /// The same for work that is one stage here, whatever it calls its own stages.
  [[nodiscard]] Job stage(std::string name) const {
    if (!progress) return *this;
    return {[outer = progress, name = std::move(name)](std::string_view, double part) { outer(name, part); },
            cancel};
  }
  /// The same for work whose stages are part of one here: their names go after its own.
  [[nodiscard]] Job within(std::string name) const {
    if (!progress) return *this;
    return {[outer = progress, name = std::move(name)](std::string_view stage, double part) {
              outer(name + ": " + std::string(stage), part);
            },
            cancel};
  }
  /// Throws Error(Cancelled) once the token is set.
  void check() const {
    if (cancel != nullptr && cancel->cancelled()) throw Error(ErrorKind::Cancelled, "cancelled");
  }
};

}  // namespace bsbr
