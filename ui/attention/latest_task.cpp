#include "ui/attention/latest_task.h"

#include <chrono>

#include "engine/base/caught.h"

namespace bsbr {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBetweenReports{80};

}  // namespace

LatestTask::LatestTask(QObject* parent) : QObject(parent), thread_([this] { loop(); }) {}

LatestTask::~LatestTask() {
  cancel();
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LatestTask::cancel() {
  if (wanted_) wanted_->cancel.cancel();
  wanted_.reset();
  const std::scoped_lock lock(mutex_);
  next_.reset();
}

void LatestTask::enqueue(std::function<void(const Job&)> work, std::function<void()> done) {
  cancel();
  wanted_ = std::make_shared<Request>();
  wanted_->work = std::move(work);
  wanted_->done = std::move(done);
  {
    const std::scoped_lock lock(mutex_);
    next_ = wanted_;
  }
  wake_.notify_one();
}

void LatestTask::finish(const std::shared_ptr<Request>& request) {
  if (request != wanted_) return;
  wanted_.reset();
  if (!request->error) {
    try {
      request->done();
    } catch (...) {
      request->error = caught_error();
    }
  }
  if (request->error) Q_EMIT failed(QString::fromUtf8(request->error->what()));
}

void LatestTask::loop() {
  for (;;) {
    std::shared_ptr<Request> request;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || next_; });
      if (stop_) return;
      request = std::move(next_);
    }
    try {
      Job job;
      job.cancel = &request->cancel;
      job.progress = [this, request, last = Clock::time_point()](std::string_view stage,
                                                                 double fraction) mutable {
        if (Clock::now() - last < kBetweenReports) return;
        last = Clock::now();
        const QString name = QString::fromUtf8(stage.data(), static_cast<qsizetype>(stage.size()));
        QMetaObject::invokeMethod(
            this,
            [this, request, name, fraction] {
              if (request == wanted_) Q_EMIT progressed(name, fraction);
            },
            Qt::QueuedConnection);
      };
      request->work(job);
    } catch (...) {
      request->error = caught_error();
    }
    QMetaObject::invokeMethod(
        this, [this, request] { finish(request); }, Qt::QueuedConnection);
  }
}

}  // namespace bsbr
