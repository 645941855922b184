#pragma once

#include <QObject>
#include <QTimer>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/job.h"

namespace bsbr {

/// How far a job is.
struct JobProgress {
  QString stage;
  double fraction = 0;                 ///< of the stage
  std::optional<double> seconds_left;  ///< of the stage
};

/// Runs tasks one after the other on a thread of its own. To be used from the thread that it lives in, where
/// everything that it reports arrives.
class JobRunner : public QObject {
  Q_OBJECT

 public:
  struct Task {
    QString title;                             ///< what a person reads of it
    std::function<void(const Job&)> work;      ///< on the runner's thread
    std::function<void()> done;                ///< afterwards, here, if it neither threw nor was cancelled
    std::function<void(const Error&)> failed;  ///< … else, and if `done` threw
  };

  explicit JobRunner(QObject* parent = nullptr);
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;
  /// Cancels and waits.
  ~JobRunner() override;

  void add(Task task);
  /// The running task and those that wait. They end soon, each by its `failed`.
  void cancel();
  [[nodiscard]] bool busy() const { return pending_ > 0; }

 Q_SIGNALS:
  void started(const QString& title);
  void progressed(const bsbr::JobProgress& progress);
  /// Something runs or waits, or no longer.
  void busyChanged(bool busy);

 private:
  struct Running;
  void loop();
  void end(const std::shared_ptr<Running>& running, const std::optional<Error>& error);
  void poll();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Running>> queue_;  // the first one runs
  bool stop_ = false;
  int pending_ = 0;
  std::shared_ptr<Running> shown_;  // whose start was told
  QTimer poll_;
  std::thread thread_;
};

}  // namespace bsbr
