#include "ui/core/job_runner.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "engine/base/caught.h"

namespace bsbr {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPollMs = 80;

/// Where processors are short the window goes before the engine: threads that this one starts inherit it.
void step_back() {
  constexpr int kNicer = 5;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNicer);
}

/// What `work` threw.
std::optional<Error> caught_in(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (...) {
    return caught_error();
  }
}

}  // namespace

struct JobRunner::Running {
  Task task;
  CancelToken cancel;
  std::mutex mutex;  // of what follows
  bool begun = false;
  std::string stage;
  double fraction = 0;
  Clock::time_point stage_began;

  void report(std::string_view name, double part) {
    const std::scoped_lock lock(mutex);
    if (name != stage) {
      stage = name;
      stage_began = Clock::now();
    }
    fraction = part;
  }
};

JobRunner::JobRunner(QObject* parent) : QObject(parent), thread_([this] { loop(); }) {
  poll_.setInterval(kPollMs);
  connect(&poll_, &QTimer::timeout, this, &JobRunner::poll);
}

JobRunner::~JobRunner() {
  cancel();
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void JobRunner::add(Task task) {
  auto running = std::make_shared<Running>();
  running->task = std::move(task);
  ++pending_;
  poll_.start();
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(running));
  }
  wake_.notify_all();
  if (pending_ == 1) Q_EMIT busyChanged(true);
}

void JobRunner::cancel() {
  const std::scoped_lock lock(mutex_);
  for (const auto& running : queue_) running->cancel.cancel();
}

void JobRunner::loop() {
  step_back();
  while (true) {
    std::shared_ptr<Running> running;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;
      running = queue_.front();
    }
    {
      const std::scoped_lock lock(running->mutex);
      running->begun = true;
    }
    Job job;
    job.cancel = &running->cancel;
    job.progress = [&running](std::string_view stage, double part) { running->report(stage, part); };
    const std::optional<Error> error = caught_in([&] {
      job.check();
      running->task.work(job);
      job.check();
    });
    running->task.work = nullptr;  // what it holds may be large, and is given back here
    {
      const std::scoped_lock lock(mutex_);
      queue_.pop_front();
    }
    QMetaObject::invokeMethod(
        this, [this, running, error] { end(running, error); }, Qt::QueuedConnection);
  }
}

void JobRunner::end(const std::shared_ptr<Running>& running, const std::optional<Error>& error) {
  --pending_;
  if (pending_ == 0) poll_.stop();
  if (shown_ == running) shown_.reset();
  std::optional<Error> problem = error;
  if (!problem && running->task.done) problem = caught_in(running->task.done);
  std::optional<Error> untold;
  if (problem && running->task.failed) untold = caught_in([&] { running->task.failed(*problem); });
  if (pending_ == 0) Q_EMIT busyChanged(false);
  if (untold) throw Error(*untold);  // whoever runs the event loop has to tell it
}

void JobRunner::poll() {
  std::shared_ptr<Running> running;
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.empty()) return;
    running = queue_.front();
  }
  if (running != shown_) {
    shown_ = running;
    Q_EMIT started(running->task.title);
  }
  JobProgress progress;
  {
    const std::scoped_lock lock(running->mutex);
    if (!running->begun) return;
    progress.stage = QString::fromStdString(running->stage);
    progress.fraction = running->fraction;
    const double elapsed = std::chrono::duration<double>(Clock::now() - running->stage_began).count();
    if (running->fraction > 0.05 && elapsed > 0.7)
      progress.seconds_left = elapsed / running->fraction * (1 - running->fraction);
  }
  Q_EMIT progressed(progress);
}

}  // namespace bsbr
