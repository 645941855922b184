#include <QSignalSpy>
#include <QtTest>
#include <atomic>
#include <new>

#include "ui/core/job_runner.h"

using bsbr::CancelToken;
using bsbr::Error;
using bsbr::ErrorKind;
using bsbr::Job;
using bsbr::JobProgress;
using bsbr::JobRunner;

namespace {

void wait_for_cancel(const Job& job) {
  for (int i = 0; i < 60'000; ++i) {
    job.report("waiting", 0.5);
    QThread::msleep(1);
  }
}

}  // namespace

class TestUiJobs : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void resultsComeInOrderOnThisThread() {
    JobRunner runner;
    QStringList order;
    std::atomic<bool> elsewhere = true;
    for (const char* name : {"a", "b", "c"}) {
      runner.add({QString::fromLatin1(name),
                  [&, home = QThread::currentThread()](const Job&) {
                    if (QThread::currentThread() == home) elsewhere = false;
                  },
                  [&, name] { order << QString::fromLatin1(name); },
                  {}});
    }
    QVERIFY(runner.busy());
    QTRY_VERIFY(!runner.busy());
    QCOMPARE(order, (QStringList{"a", "b", "c"}));
    QVERIFY(elsewhere);
  }

  void progressIsTold() {
    JobRunner runner;
    QString title;
    JobProgress last;
    connect(&runner, &JobRunner::started, this, [&](const QString& of) { title = of; });
    connect(&runner, &JobRunner::progressed, this, [&](const JobProgress& progress) {
      last = progress;
      runner.cancel();
    });
    runner.add({QStringLiteral("Long work"), wait_for_cancel, {}, {}});
    QTRY_VERIFY(!runner.busy());
    QCOMPARE(title, QStringLiteral("Long work"));
    QCOMPARE(last.stage, QStringLiteral("waiting"));
    QCOMPARE(last.fraction, 0.5);
  }

  void cancelEndsAllThatWait() {
    JobRunner runner;
    int cancelled = 0;
    bool done = false;
    for (int i = 0; i < 3; ++i) {
      runner.add({{},
                  wait_for_cancel,
                  [&] { done = true; },
                  [&](const Error& error) {
                    if (error.kind() == ErrorKind::Cancelled) ++cancelled;
                  }});
    }
    runner.cancel();
    QTRY_VERIFY(!runner.busy());
    QCOMPARE(cancelled, 3);
    QVERIFY(!done);
    runner.add({{}, [](const Job&) {}, [&] { done = true; }, {}});
    QTRY_VERIFY(done);  // one after that is not cancelled
  }

  void errorsKeepTheirKind_data() {
    QTest::addColumn<int>("which");
    QTest::addColumn<int>("kind");
    QTest::newRow("own") << 0 << static_cast<int>(ErrorKind::InvalidFile);
    QTest::newRow("memory") << 1 << static_cast<int>(ErrorKind::OutOfMemory);
    QTest::newRow("other") << 2 << static_cast<int>(ErrorKind::Internal);
  }
  void errorsKeepTheirKind() {
    QFETCH(int, which);
    QFETCH(int, kind);
    JobRunner runner;
    std::optional<Error> got;
    runner.add({{},
                [which](const Job&) {
                  if (which == 0) throw Error(ErrorKind::InvalidFile, "it is broken");
                  if (which == 1) throw std::bad_alloc();
                  throw std::logic_error("a defect");
                },
                {},
                [&](const Error& error) { got = error; }});
    QTRY_VERIFY(got.has_value());
    QCOMPARE(static_cast<int>(got->kind()), kind);
  }

  void destroyingEndsARunningJob() {
    std::atomic<bool> ended = false;
    {
      JobRunner runner;
      std::atomic<bool> begun = false;
      runner.add({{},
                  [&](const Job& job) {
                    begun = true;
                    try {
                      wait_for_cancel(job);
                    } catch (const Error&) {
                      ended = true;
                      throw;
                    }
                  },
                  {},
                  {}});
      QTRY_VERIFY(begun);
    }
    QVERIFY(ended);
  }
};

QTEST_MAIN(TestUiJobs)
#include "test_ui_jobs.moc"
