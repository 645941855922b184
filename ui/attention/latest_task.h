#pragma once

#include <QObject>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/job.h"

namespace bsbr {

/// Computes on a thread of its own what was asked for last: a new request cancels the one before, whose
/// result is no longer wanted. To be used from the thread that it lives in, where results arrive.
class LatestTask : public QObject {
  Q_OBJECT

 public:
  explicit LatestTask(QObject* parent = nullptr);
  LatestTask(const LatestTask&) = delete;
  LatestTask& operator=(const LatestTask&) = delete;
  /// Cancels and waits.
  ~LatestTask() override;

  /// `work(const Job&)` runs on the thread and its result goes to `done` here, unless another start() or
  /// cancel() comes before. What either of them throws is told by failed().
  template <class Work, class Done>
  void start(Work work, Done done) {
    using Result = std::invoke_result_t<Work, const Job&>;
    auto result = std::make_shared<std::optional<Result>>();
    enqueue([work = std::move(work), result](const Job& job) mutable { result->emplace(work(job)); },
            [done = std::move(done), result]() mutable { done(std::move(**result)); });
  }
  void cancel();
  /// Something was asked for and has not come.
  [[nodiscard]] bool busy() const { return wanted_ != nullptr; }

 Q_SIGNALS:
  void failed(const QString& message);
  /// Not oftener than a person can see.
  void progressed(const QString& stage, double fraction);

 private:
  struct Request {
    std::function<void(const Job&)> work;
    std::function<void()> done;
    CancelToken cancel;
    std::optional<Error> error;
  };
  void enqueue(std::function<void(const Job&)> work, std::function<void()> done);
  void finish(const std::shared_ptr<Request>& request);
  void loop();

  std::shared_ptr<Request> wanted_;  // only used where it lives
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<Request> next_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace bsbr
