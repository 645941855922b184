#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>

#include "engine/checkpoint/checkpoint.h"
#include "tests/ui/studio.h"

using namespace bsbr;
using test::click;
using test::Studio;

/// What a person does, one step after the other, with mouse and keys.
class TestUiJourney : public QObject {
  Q_OBJECT

  std::unique_ptr<Studio> studio_;

  [[nodiscard]] Controller& controller() const { return studio_->controller; }

 private Q_SLOTS:
  void initTestCase() { studio_ = std::make_unique<Studio>(); }
  void cleanupTestCase() { studio_.reset(); }

  void openTheDemo() {
    studio_->window->showTab(studio_->tab("fidelity"));
    QPushButton* demo = nullptr;
    for (QPushButton* button : studio_->tab("fidelity")->findChildren<QPushButton*>()) {
      if (button->text() == QStringLiteral("Open the &demo")) demo = button;
    }
    QVERIFY(demo != nullptr && demo->isVisible());
    click(demo);
    QTRY_VERIFY_WITH_TIMEOUT(controller().converted() != nullptr, 120'000);
    QVERIFY(controller().is_demo());
    QVERIFY(studio_->wait_until_calm());
    for (Tab* tab : studio_->window->tabs()) QVERIFY(tab->is_ready());
  }

  void typeAText() {
    auto* editor = studio_->find<QPlainTextEdit>("Text");
    editor->setFocus();
    QTest::keyClick(editor, Qt::Key_A, Qt::ControlModifier);
    QString text;
    for (int i = 0; i < 30; ++i) text += QStringLiteral("The ferry was kept by a widow. ");
    QTest::keyClicks(editor, text);
    QTRY_VERIFY_WITH_TIMEOUT(controller().tokens() && controller().tokens()->text == text, 20'000);
    QVERIFY(controller().tokens()->ids.size() > 100);
    click(studio_->find<QAbstractButton>("Show tokens"));
    auto* chips = studio_->find<QListView>("Tokens of the text");
    QVERIFY(chips->isVisible());
    QCOMPARE(static_cast<std::size_t>(chips->model()->rowCount()), controller().tokens()->ids.size());
    const QModelIndex third = chips->model()->index(2, 0);
    QTest::mouseClick(chips->viewport(), Qt::LeftButton, {}, chips->visualRect(third).center());
    QCOMPARE(controller().selection().query.value_or(-1), std::int64_t{2});
  }

  void convertAgain() {
    auto* goal = studio_->find<QComboBox>("What to convert for");
    goal->setFocus();
    QTest::keyClick(goal, Qt::Key_Down);  // from "same for all heads" to "states only"
    QCOMPARE(controller().settings().goal, Goal::StatesOnly);
    QVERIFY(controller().is_stale());
    QTest::keyClick(studio_->window.get(), Qt::Key_Return, Qt::ControlModifier);
    QTRY_VERIFY_WITH_TIMEOUT(!controller().is_stale() && !controller().busy(), 60'000);
    QVERIFY(controller().converted()->model.config().bsbr->states_only);
  }

  void compareFidelity() {
    studio_->window->showTab(studio_->tab("fidelity"));
    click(studio_->find<QAbstractButton>("Measure fidelity"));
    QVERIFY(controller().busy());
    QVERIFY(studio_->wait_until_calm());
    QVERIFY(studio_->message().isEmpty());
    QWidget* tab = studio_->tab("fidelity");
    QStringList captions;
    for (const QLabel* label : tab->findChildren<QLabel*>()) captions << label->text();
    QVERIFY(captions.contains(QStringLiteral("top-1 agreement")));
  }

  void measureCosts() {
    studio_->window->showTab(studio_->tab("cost"));
    auto* longest = studio_->find<QComboBox>("Longest length");
    longest->setCurrentIndex(0);
    studio_->find<QSpinBox>("Repetitions")->setValue(1);
    QTRY_VERIFY(studio_->find<QAbstractButton>("Measure costs")->isVisible());
    QVERIFY(studio_->find<QAbstractButton>("Measure costs")->isEnabled());
    QTest::keyClick(studio_->window.get(), Qt::Key_F5);
    QTRY_VERIFY(controller().busy());  // a button's key clicks it after a moment
    QVERIFY(studio_->wait_until_calm());
    QCOMPARE(studio_->find<QTableView>("Costs over lengths")->model()->rowCount(), 1);
  }

  void generateSideBySide() {
    studio_->window->showTab(studio_->tab("generate"));
    studio_->find<QSpinBox>("New tokens")->setValue(6);
    click(studio_->find<QAbstractButton>("Generate"));
    QVERIFY(studio_->wait_until_calm());
    for (const char* name : {"Continuation by the original", "Continuation by the converted model"})
      QVERIFY(!studio_->find<QPlainTextEdit>(name)->toPlainText().isEmpty());
  }

  void exportAndReopen() {
    studio_->window->showTab(studio_->tab("export"));
    const auto folder = studio_->folder / "written";
    auto* destination = studio_->find<QLineEdit>("Destination");
    destination->setFocus();
    destination->selectAll();
    QTest::keyClicks(destination, QString::fromStdString(folder.string()));
    click(studio_->find<QAbstractButton>("Write and verify"));
    QVERIFY(studio_->wait_until_calm());
    QVERIFY2(studio_->message().isEmpty(), qPrintable(studio_->message()));
    QVERIFY(Checkpoint::open(folder.string()).config().contains("bsbr"));
    const auto original = controller().opened();
    click(studio_->find<QAbstractButton>("Open what was written"));
    QTRY_VERIFY_WITH_TIMEOUT(controller().opened() != original, 60'000);
    QVERIFY(controller().converted() != nullptr);
    QCOMPARE(controller().settings().goal, Goal::StatesOnly);
    QVERIFY(studio_->wait_until_calm());
  }

  void exportingOverItIsRefused() {
    const QString folder = QString::fromStdString((studio_->folder / "written").string());
    auto* destination = studio_->find<QLineEdit>("Destination");
    destination->selectAll();
    QTest::keyClicks(destination, folder);
    click(studio_->find<QAbstractButton>("Write and verify"));
    QVERIFY(studio_->wait_until_calm());
    QVERIFY2(studio_->message().contains(folder), qPrintable(studio_->message()));
  }
};

QTEST_MAIN(TestUiJourney)
#include "test_ui_journey.moc"
