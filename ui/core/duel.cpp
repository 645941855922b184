#include "ui/core/duel.h"

#include <array>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace bsbr {
namespace {

using Clock = std::chrono::steady_clock;

/// Who may work; one that has ended leaves every turn to the other.
class Turns {
 public:
  void wait(int model) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return turn_ == model || ended_[other(model)]; });
  }
  void pass(int model) {
    const std::scoped_lock lock(mutex_);
    turn_ = static_cast<int>(other(model));
    changed_.notify_all();
  }
  void end(int model) {
    const std::scoped_lock lock(mutex_);
    ended_[static_cast<std::size_t>(model)] = true;
    turn_ = static_cast<int>(other(model));
    changed_.notify_all();
  }

 private:
  static std::size_t other(int model) { return static_cast<std::size_t>(1 - model); }

  std::mutex mutex_;
  std::condition_variable changed_;
  int turn_ = 0;
  std::array<bool, 2> ended_{};
};

}  // namespace

void duel(const LanguageModel& original, const LanguageModel& converted, const std::vector<TokenId>& prompt,
          const GenerationOptions& options, const std::function<void(const DuelToken&)>& on_token,
          const Job& job) {
  Turns turns;
  std::array<std::exception_ptr, 2> errors;
  Job quiet;
  quiet.cancel = job.cancel;
  std::mutex telling;
  std::array<std::int64_t, 2> made{};
  const auto run = [&](const LanguageModel& model, int number) {
    const auto at = static_cast<std::size_t>(number);
    try {
      turns.wait(number);
      double worked = 0;
      auto since = Clock::now();
      (void)generate(
          model, {prompt}, options,
          [&](std::size_t, TokenId id) {
            worked += std::chrono::duration<double>(Clock::now() - since).count();
            {
              const std::scoped_lock lock(telling);
              on_token({number, id, worked});
              ++made[at];
              if (job.progress)
                job.progress("generating", static_cast<double>(made[0] + made[1]) /
                                               (2.0 * static_cast<double>(options.tokens)));
            }
            turns.pass(number);
            turns.wait(number);
            since = Clock::now();
            return true;
          },
          quiet);
    } catch (...) {
      errors[at] = std::current_exception();
    }
    turns.end(number);
  };
  std::thread second([&] { run(converted, 1); });
  run(original, 0);
  second.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace bsbr
