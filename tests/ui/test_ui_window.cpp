#include <QDropEvent>
#include <QLabel>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QSignalSpy>
#include <QSlider>

#include "tests/support/places.h"
#include "tests/ui/heart_beat.h"
#include "tests/ui/studio.h"

using namespace bsbr;
using test::click;
using test::HeartBeat;
using test::Studio;

namespace {

bool takes_input(const QWidget& widget) {
  const char* const kinds[] = {"QAbstractButton", "QComboBox",      "QAbstractSpinBox",  "QSlider",
                               "QLineEdit",       "QPlainTextEdit", "QAbstractItemView", "bsbr::Plot"};
  const char* const parts[] = {"QTableCornerButton", "QHeaderView", "QComboBoxListView"};
  const char* const wholes[] = {"QComboBox", "QAbstractSpinBox", "QTabBar"};
  const auto is_any = [](const QWidget& of, const auto& names) {
    return std::ranges::any_of(names, [&](const char* name) { return of.inherits(name); });
  };
  return is_any(widget, kinds) && !is_any(widget, parts) && !is_any(*widget.parentWidget(), wholes) &&
         (widget.focusPolicy() != Qt::NoFocus || widget.inherits("bsbr::Plot"));
}

/// What there is in a window, on whatever page, and has no name or no tooltip.
QStringList unexplained(const QWidget& window) {
  QStringList all;
  for (const QWidget* widget : window.findChildren<QWidget*>()) {
    if (!takes_input(*widget) || widget->isHidden()) continue;
    const auto* button = qobject_cast<const QAbstractButton*>(widget);
    const QString name =
        widget->accessibleName().isEmpty() && button != nullptr ? button->text() : widget->accessibleName();
    const QString says = QLatin1String(widget->metaObject()->className()) + QStringLiteral(" ") + name;
    if (name.isEmpty()) all << says + QStringLiteral(": no name");
    if (widget->toolTip().isEmpty()) all << says + QStringLiteral(": no tooltip");
  }
  return all;
}

}  // namespace

class TestUiWindow : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void emptyWindowOffersTheDemo() {
    const Studio studio;
    for (Tab* tab : studio.window->tabs()) {
      QVERIFY(!tab->is_ready());
      QVERIFY(!tab->purpose().isEmpty());
    }
    QVERIFY(!studio.find<QAbstractButton>("Convert")->isEnabled());
  }

  /// Whatever takes the focus or a click says what it is, in the empty window and in the full one.
  void everythingHasANameAndATooltip() {
    Studio studio;
    QCOMPARE(unexplained(*studio.window), QStringList());
    QVERIFY(studio.open_demo());
    QCOMPARE(unexplained(*studio.window), QStringList());
    studio.find<QAbstractButton>("Convert")->setToolTip({});  // it would be seen
    QCOMPARE(unexplained(*studio.window).size(), 1);
  }

  void badFolderIsSaidInTheWindow() {
    Studio studio;
    const auto folder = studio.folder / "no checkpoint";
    std::filesystem::create_directories(folder);
    studio.window->openPath(QString::fromStdString(folder.string()));
    QTRY_VERIFY_WITH_TIMEOUT(!studio.message().isEmpty(), 20'000);
    QVERIFY2(studio.message().contains(QString::fromStdString(folder.string())),
             qPrintable(studio.message()));
    QVERIFY(!studio.controller.opened());
    QVERIFY(studio.wait_until_calm());
    QVERIFY(studio.open_demo());  // and the window goes on
  }

  void aBadOneLeavesTheOpenOneOpen() {
    Studio studio;
    QVERIFY(studio.open_demo());
    const auto before = studio.controller.opened();
    studio.controller.open(QStringLiteral("no/such-model"));
    QTRY_VERIFY_WITH_TIMEOUT(!studio.message().isEmpty(), 20'000);
    QCOMPARE(studio.controller.opened(), before);
  }

  /// Warnings stay, all of them, whatever else is said; the next checkpoint has its own.
  void warningsStay() {
    const Studio studio;
    auto* bar = studio.window->findChild<MessageBar*>();
    const QStringList warnings{QStringLiteral("first < warning"), QStringLiteral("second warning")};
    bar->warn(warnings);
    for (const QString& warning : warnings) QVERIFY(studio.message().contains(warning));
    bar->say(MessageBar::Tone::Notice, QStringLiteral("a notice"));
    for (const QString& words : warnings + QStringList{QStringLiteral("a notice")})
      QVERIFY2(studio.message().contains(words), qPrintable(studio.message()));
    bar->say(MessageBar::Tone::Error, QStringLiteral("an error"), QStringLiteral("and why"));
    QVERIFY(!studio.message().contains(QStringLiteral("a notice")));
    for (const QString& words : warnings + QStringList{QStringLiteral("an error"), QStringLiteral("and why")})
      QVERIFY2(studio.message().contains(words), qPrintable(studio.message()));
    // All of them can be read, and many leave room for the rest of the window.
    QStringList many;
    for (int i = 0; i < 200; ++i) many << QStringLiteral("warning %1").arg(i);
    bar->warn(many);
    QVERIFY(studio.message().contains(QStringLiteral("warning 199")));
    QTRY_VERIFY(bar->height() > 60 && bar->height() < 200);
    QTest::keyClick(studio.window.get(), Qt::Key_Escape);
    QVERIFY(studio.message().isEmpty());
    bar->say(MessageBar::Tone::Notice, QStringLiteral("later"));
    QCOMPARE(studio.message(), QStringLiteral("later"));
    bar->warn(warnings);
    bar->warn({});
    QCOMPARE(studio.message(), QStringLiteral("later"));
  }

  void droppedFoldersAreOpened() {
    Studio studio;
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(QString::fromStdString(bsbr::test::in_repository("resources/demo")))});
    QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(studio.window.get(), &enter);
    QVERIFY(enter.isAccepted());
    QDropEvent drop(QPointF(50, 50), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(studio.window.get(), &drop);
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.opened() != nullptr, 60'000);
    QVERIFY(studio.wait_until_calm());
    QVERIFY(!studio.controller.converted());
    // Every tab says so and offers to convert.
    click(studio.find<QAbstractButton>("Convert"));
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.converted() != nullptr, 60'000);
  }

  void sliderChangesWhatIsExpectedAndCanBeUndone() {
    Studio studio;
    QVERIFY(studio.open_demo());
    auto* slider = studio.find<QSlider>("From faithful to fast");
    const ConversionSettings before = studio.controller.settings();
    const auto predicted = studio.controller.predict(2048);
    slider->setFocus();
    for (int i = 0; i < 3; ++i) QTest::keyClick(slider, Qt::Key_PageUp);
    QVERIFY(studio.controller.settings() != before);
    QVERIFY(studio.controller.is_stale());
    QVERIFY(*studio.controller.predict(2048)->density != *predicted->density);
    QVERIFY(studio.controller.undo_stack().canUndo());
    QTest::keyClick(studio.window.get(), Qt::Key_Z, Qt::ControlModifier);
    QVERIFY(studio.controller.settings() == before);
    QVERIFY(!studio.controller.is_stale());
    QTest::keyClick(studio.window.get(), Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QVERIFY(studio.controller.settings() != before);
  }

  void cancelledOpeningLeavesNothing() {
    Studio studio;
    studio.controller.openDemo();
    studio.controller.cancel();
    QVERIFY(studio.wait_until_calm());
    QVERIFY(!studio.controller.opened());
    QVERIFY(studio.message().contains(QStringLiteral("cancelled")));
  }

  void cancelledConversionLeavesNothing() {
    Studio studio(Studio::planned());
    QSignalSpy progress(&studio.controller, &Controller::jobProgressed);
    studio.controller.openDemo();
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.doing() == Controller::Doing::Converting, 60'000);
    QTRY_VERIFY_WITH_TIMEOUT(!progress.isEmpty(), 20'000);
    click(studio.find<QAbstractButton>("Cancel"));
    QVERIFY(studio.wait_until_calm());
    QVERIFY(!studio.controller.converted());
    QVERIFY(studio.controller.opened() != nullptr);
    QVERIFY(studio.message().contains(QStringLiteral("cancelled")));
  }

  void closingEndsTheJobFirst() {
    Studio studio(Studio::planned());
    studio.controller.openDemo();
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.doing() == Controller::Doing::Converting, 60'000);
    studio.window->close();
    QVERIFY(studio.window->isVisible());  // it does not wait, it closes when the job has ended
    QTRY_VERIFY_WITH_TIMEOUT(!studio.window->isVisible(), 60'000);
    QVERIFY(!studio.controller.working());
    QVERIFY(!studio.controller.converted());
  }

  void anotherCheckpointTakesThePlace() {
    Studio studio;
    QVERIFY(studio.open_demo());
    const auto first = studio.controller.opened();
    studio.controller.open(QString::fromStdString(bsbr::test::in_repository("resources/demo/")));
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.opened() != first, 60'000);
    QVERIFY(!studio.controller.converted());
    QVERIFY(studio.wait_until_calm());
    QVERIFY(studio.controller.tokens() != nullptr);
  }

  void theWindowStaysAlive() {
    Studio studio(Studio::planned());
    studio.controller.openDemo();
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.doing() == Controller::Doing::Converting, 60'000);
    const HeartBeat beat;
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.converted() != nullptr, 240'000);
    VERIFY_ALIVE(beat);
  }
};

QTEST_MAIN(TestUiWindow)
#include "test_ui_window.moc"
