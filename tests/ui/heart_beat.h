#pragma once

#include <QElapsedTimer>
#include <QTimer>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace bsbr::test {

/// How long the event loop of this thread was kept from its events, and how long at worst a thread that has
/// nothing to do was kept from running by whatever else the machine does.
class HeartBeat {
 public:
  HeartBeat() {
    QObject::connect(&beat_, &QTimer::timeout, &beat_,
                     [this] { longest_ = std::max(longest_, clock_.restart()); });
    clock_.start();
    beat_.start(kPauseMs);
    idler_ = std::thread([this] {
      using Clock = std::chrono::steady_clock;
      for (auto last = Clock::now(); !stop_;) {
        std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
        const auto now = Clock::now();
        idle_ms_ = std::max<qint64>(
            idle_ms_, std::chrono::duration_cast<std::chrono::milliseconds>(now - last).count());
        last = now;
      }
    });
  }
  HeartBeat(const HeartBeat&) = delete;
  HeartBeat& operator=(const HeartBeat&) = delete;
  ~HeartBeat() {
    stop_ = true;
    idler_.join();
  }

  /// Longest time between two beats so far, ms.
  [[nodiscard]] qint64 longest() const { return std::max(longest_, clock_.elapsed()); }
  /// The same of the thread that has nothing to do.
  [[nodiscard]] qint64 idle() const { return idle_ms_; }

 private:
  static constexpr int kPauseMs = 5;
  QElapsedTimer clock_;
  QTimer beat_;
  qint64 longest_ = 0;
  std::atomic<qint64> idle_ms_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread idler_;
};

}  // namespace bsbr::test

/// The event loop of this thread was never kept for 100 ms by what runs in it; where others have the
/// processors, or sanitizers slow the program down, so much longer.
#ifdef __SANITIZE_ADDRESS__
#define ALIVE_MS 400
#else
#define ALIVE_MS 100
#endif
#define VERIFY_ALIVE(beat)                                                                        \
  do {                                                                                            \
    qInfo("longest gap of the event loop: %lld ms, of an idle thread: %lld ms", (beat).longest(), \
          (beat).idle());                                                                         \
    QVERIFY((beat).longest() < ALIVE_MS + 4 * (beat).idle());                                     \
  } while (false)
