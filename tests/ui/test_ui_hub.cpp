#include <QLineEdit>
#include <QListView>
#include <QToolButton>

#include "engine/base/json_file.h"
#include "engine/base/resources.h"
#include "tests/hub/hub_server.h"
#include "tests/ui/heart_beat.h"
#include "tests/ui/studio.h"
#include "ui/core/checkpoint_list_model.h"

using namespace bsbr;
using test::HeartBeat;
using test::HubServer;
using test::Studio;

/// A model is opened by its name on the hub: fetched with progress, cancelled, gone on with, and listed.
class TestUiHub : public QObject {
  Q_OBJECT
  HubServer hub_;

  static void enter(const Studio& studio, const char* name) {
    auto* field = studio.find<QLineEdit>("Name on the hub");
    field->clear();
    QTest::keyClicks(field, QString::fromLatin1(name));
    QTest::keyClick(field, Qt::Key_Return);
  }

 private Q_SLOTS:
  void init() {
    hub_.reset();
    HubServer::Files files;
    for (const char* name : {"config.json", "vocab.json", "merges.txt", "model.safetensors"})
      files[name] = read_text_file(resource("demo") / name, 1U << 30);
    hub_.add_model("org/demo", files);
  }

  void fetchedCancelledAndGoneOnWith() {
    Studio studio;
    hub_.fail("signature", {{"piece", 200'000}, {"pause", 0.05}});
    const HeartBeat beat;
    JobProgress last;
    connect(&studio.controller, &Controller::jobProgressed, this, [&](const JobProgress& progress) {
      last = progress;
      if (progress.stage.startsWith(QLatin1String("fetching org/demo, 10 MiB")) && progress.fraction > 0.2)
        test::click(studio.find<QToolButton>("Cancel the running job"));
    });
    enter(studio, "org/demo ");
    QVERIFY(studio.controller.busy());
    QVERIFY(studio.wait_until_calm());
    QVERIFY2(last.stage.startsWith(QLatin1String("fetching org/demo, ")), qPrintable(last.stage));
    QVERIFY(!studio.controller.opened());
    QVERIFY(studio.message().contains(QLatin1String("cancelled")));
    QVERIFY(is_to_be_fetched("org/demo"));
    disconnect(&studio.controller, &Controller::jobProgressed, this, nullptr);

    enter(studio, "org/demo");
    QVERIFY(studio.wait_until_calm());
    VERIFY_ALIVE(beat);
    QVERIFY(studio.controller.opened());
    QCOMPARE(studio.controller.source(), QStringLiteral("org/demo"));
    QVERIFY(!hub_.requests("signature").back()["range"].is_null());
    QVERIFY(studio.window->windowTitle().startsWith(QLatin1String("org/demo")));
  }

  /// What others have left incomplete is listed, and opened by going on.
  void incompleteIsListed() {
    hub_.fail("signature", {{"hang_up", true}, {"times", 5}});
    QVERIFY(test::error_of([&] { hub_.fetch("org/demo"); }));
    Studio studio;
    QVERIFY(studio.wait_until_calm());
    auto* list = studio.find<QListView>("Checkpoints to open");
    const auto row = [&](const QString& text) {
      const QModelIndexList found = list->model()->match(list->model()->index(0, 0), Qt::DisplayRole, text);
      return found.isEmpty() ? QModelIndex() : found.front();
    };
    const QModelIndex half = row(QStringLiteral("org/demo, incomplete"));
    QVERIFY(half.isValid());
    Q_EMIT list->activated(half);
    QVERIFY(studio.wait_until_calm());
    QVERIFY2(studio.controller.opened() != nullptr, qPrintable(studio.message()));
    QVERIFY(!row(QStringLiteral("org/demo, incomplete")).isValid());
  }

  void wrongName() {
    Studio studio;
    enter(studio, "org/dmeo");
    QVERIFY(studio.wait_until_calm());
    QVERIFY2(studio.message().contains(QLatin1String("no model of this name")), qPrintable(studio.message()));
    enter(studio, "a b");
    QVERIFY(studio.wait_until_calm());
    QVERIFY2(studio.message().contains(QLatin1String("there is no such folder")),
             qPrintable(studio.message()));
  }
};

QTEST_MAIN(TestUiHub)
#include "test_ui_hub.moc"
