#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include <QLabel>
#include <QTimer>
#include <new>
#include <stdexcept>

#include "engine/base/caught.h"
#include "tests/ui/studio.h"
#include "ui/attention/latest_task.h"
#include "ui/core/job_runner.h"
#include "ui/window/application.h"

using namespace bsbr;
using test::click;
using test::Studio;

namespace {

/// Throws when it is painted.
class Broken : public QWidget {
 public:
  using QWidget::QWidget;
  int painted = 0;

 protected:
  void paintEvent(QPaintEvent* /*event*/) override {
    ++painted;
    throw std::logic_error("no paint");
  }
};

enum class Thrown { Own, Memory, Other, Empty, NoException };

[[noreturn]] void throw_a(Thrown what) {
  switch (what) {
    case Thrown::Own:
      throw Error(ErrorKind::InvalidFile, "it is broken");
    case Thrown::Memory:
      throw std::bad_alloc();
    case Thrown::Other:
      throw std::logic_error("a defect\nand the calls that led there");
    case Thrown::Empty:
      throw std::runtime_error("");
    case Thrown::NoException:
      throw 5;
  }
  throw std::logic_error("unreachable");
}

/// Clicks where an exception will pass through Qt, which does not give back what it holds just then.
void click_and_throw(QWidget* button) {
#ifdef __SANITIZE_ADDRESS__
  const __lsan::ScopedDisabler disabler;
#endif
  click(button);
}

void add_thrown() {
  QTest::addColumn<int>("what");
  QTest::addColumn<int>("kind");
  QTest::addColumn<QString>("says");
  const auto row = [](const char* name, Thrown what, ErrorKind kind, const char* says) {
    QTest::newRow(name) << static_cast<int>(what) << static_cast<int>(kind) << QString::fromLatin1(says);
  };
  row("own", Thrown::Own, ErrorKind::InvalidFile, "it is broken");
  row("memory", Thrown::Memory, ErrorKind::OutOfMemory, "memory is exhausted");
  row("another", Thrown::Other, ErrorKind::Internal, "a defect");
  row("without words", Thrown::Empty, ErrorKind::Internal, "defect");
  row("no exception", Thrown::NoException, ErrorKind::Internal, "defect");
}

}  // namespace

/// Whatever is thrown, and wherever: a person reads it, and the Studio goes on.
class TestUiExceptions : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void everythingHasWords_data() { add_thrown(); }
  void everythingHasWords() {
    QFETCH(int, what);
    QFETCH(int, kind);
    QFETCH(QString, says);
    try {
      throw_a(static_cast<Thrown>(what));
    } catch (...) {
      const Error error = caught_error();
      const QString words = QString::fromUtf8(error.what());
      QCOMPARE(static_cast<int>(error.kind()), kind);
      QVERIFY2(words.contains(says), qPrintable(words));
      QVERIFY(!words.contains(QLatin1Char('\n')) && !words.contains(QStringLiteral("bad_alloc")));
    }
  }

  void slotsThatThrow_data() { add_thrown(); }
  void slotsThatThrow() {
    QFETCH(int, what);
    QFETCH(QString, says);
    Studio studio;
    auto* button = studio.find<QAbstractButton>("Show tokens");
    connect(button, &QAbstractButton::clicked, this, [what] { throw_a(static_cast<Thrown>(what)); });
    click_and_throw(button);
    QTRY_VERIFY(studio.message().contains(says));
    studio.window->findChild<MessageBar*>()->say(MessageBar::Tone::Notice, QStringLiteral("-"));
    QTimer::singleShot(0, this, [what] { throw_a(static_cast<Thrown>(what)); });
    QTRY_VERIFY(studio.message().contains(says));
    QVERIFY(studio.window->isVisible());
  }

  /// What cannot be painted is not told and painted for ever.
  void paintingThatThrows() {
    Studio studio;
    Broken broken;
    broken.show();
    QTRY_VERIFY(studio.message().contains(QStringLiteral("no paint")));
    QTest::qWait(300);
    QVERIFY2(broken.painted < 20, qPrintable(QString::number(broken.painted)));
  }

  /// Nor a message that cannot be told.
  void tellingThatThrows() {
    Studio studio;
    int told = 0;
    auto* app = qobject_cast<Application*>(QCoreApplication::instance());
    QVERIFY(app != nullptr);
    QObject here;
    connect(app, &Application::failed, &here, [&] {
      ++told;
      throw std::logic_error("cannot tell");
    });
    QTimer::singleShot(0, &here, [] { throw std::logic_error("first"); });
    QTRY_COMPARE(told, 1);
    QTest::qWait(100);
    QCOMPARE(told, 1);
  }

  void jobsWhoseEndThrows_data() { add_thrown(); }
  void jobsWhoseEndThrows() {
    QFETCH(int, what);
    QFETCH(int, kind);
    QFETCH(QString, says);
    JobRunner runner;
    QList<bool> busy;
    connect(&runner, &JobRunner::busyChanged, this, [&](bool is_busy) { busy << is_busy; });
    std::optional<Error> got;
    runner.add({{},
                [](const Job&) {},
                [what] { throw_a(static_cast<Thrown>(what)); },
                [&](const Error& error) { got = error; }});
    QTRY_VERIFY(!runner.busy());
    QVERIFY(got.has_value());
    QCOMPARE(static_cast<int>(got->kind()), kind);
    QVERIFY(QString::fromUtf8(got->what()).contains(says));
    QCOMPARE(busy, (QList<bool>{true, false}));
    // Where telling throws too, the runner still ends what it began.
    runner.add({{}, [](const Job&) { throw_a(Thrown::Empty); }, {}, [](const Error&) { throw 5; }});
    QTRY_VERIFY(!runner.busy());
    QCOMPARE(busy, (QList<bool>{true, false, true, false}));
    bool done = false;
    runner.add({{}, [](const Job&) {}, [&] { done = true; }, {}});
    QTRY_VERIFY(done);
  }

  /// Views: in their work, and in showing what came of it.
  void viewsThatThrow_data() { add_thrown(); }
  void viewsThatThrow() {
    QFETCH(int, what);
    QFETCH(QString, says);
    for (const bool in_work : {true, false}) {
      LatestTask task;
      QString message;
      bool shown = false;
      connect(&task, &LatestTask::failed, this, [&](const QString& text) { message = text; });
      task.start(
          [=](const Job&) {
            if (in_work) throw_a(static_cast<Thrown>(what));
            return 1;
          },
          [&](int) {
            shown = in_work;
            throw_a(static_cast<Thrown>(what));
          });
      QTRY_VERIFY(!message.isEmpty());
      QVERIFY2(message.contains(says), qPrintable(message));
      QVERIFY(!shown);
      QVERIFY(!task.busy());
      int next = 0;
      task.start([](const Job&) { return 2; }, [&](int value) { next = value; });
      QTRY_COMPARE(next, 2);
    }
  }

  void sessionsThatCannotBeRead() {
    Studio studio;
    studio.window->openSession(QString::fromStdString((studio.folder / "none.json").string()));
    QTRY_VERIFY(studio.message().contains(QStringLiteral("none.json")));
    QVERIFY2(studio.message().contains(QStringLiteral("session")), qPrintable(studio.message()));
    studio.window->openSession(QString::fromStdString(
        test::write_file(studio.folder / "bad.json", R"({"version": 1, "text": 5})").string()));
    QTRY_VERIFY(studio.message().contains(QStringLiteral("wrong type")));
  }
};

int main(int argc, char** argv) {
  Application app(argc, argv);
  TestUiExceptions test;
  return QTest::qExec(&test, argc, argv);
}
#include "test_ui_exceptions.moc"
