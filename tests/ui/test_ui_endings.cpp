#include <malloc.h>
#include <unistd.h>

#include <QLineEdit>
#include <QSignalSpy>
#include <QSpinBox>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/support/places.h"
#include "tests/ui/heart_beat.h"
#include "tests/ui/studio.h"

using namespace bsbr;
using test::click;
using test::HeartBeat;
using test::Studio;

namespace {

/// A job that a person starts in a window with the demo open and converted.
struct Kind {
  const char* name;
  std::function<void(Studio&)> start;
};

void press(Studio& studio, const char* tab, const char* button) {
  studio.window->showTab(studio.tab(tab));
  click(studio.find<QAbstractButton>(button));
}

std::filesystem::path destination(const Studio& studio) {
  return studio.folder / "written";
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"opening", [](Studio& studio) { studio.controller.openDemo(); }},
      {"converting",
       [](Studio& studio) {
         studio.controller.changeSettings(Studio::planned(), QStringLiteral("test"));
         click(studio.find<QAbstractButton>("Convert"));
       }},
      {"fidelity", [](Studio& studio) { press(studio, "fidelity", "Measure fidelity"); }},
      {"sweep", [](Studio& studio) { press(studio, "fidelity", "Sweep over conversions"); }},
      {"costs", [](Studio& studio) { press(studio, "cost", "Measure costs"); }},
      {"generating",
       [](Studio& studio) {
         studio.window->showTab(studio.tab("generate"));
         studio.find<QSpinBox>("New tokens")->setValue(400);
         click(studio.find<QAbstractButton>("Generate"));
       }},
      {"writing",
       [](Studio& studio) {
         studio.window->showTab(studio.tab("export"));
         studio.find<QLineEdit>("Destination")->setText(QString::fromStdString(destination(studio).string()));
         click(studio.find<QAbstractButton>("Write and verify"));
       }},
  };
  return all;
}

void add_kinds() {
  QTest::addColumn<int>("kind");
  for (std::size_t i = 0; i < kinds().size(); ++i) QTest::newRow(kinds()[i].name) << static_cast<int>(i);
}

#ifndef __SANITIZE_ADDRESS__
/// Memory of this process that is in use, MiB.
double resident() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  double size = 0, pages = 0;
  statm >> size >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}
#endif

}  // namespace

/// How jobs end before they are done, and what is left then.
class TestUiEndings : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void cancelled_data() { add_kinds(); }
  void cancelled() {
    QFETCH(int, kind);
    Studio studio;
    QVERIFY(studio.open_demo());
    const auto opened = studio.controller.opened();
    const auto converted = studio.controller.converted();
    kinds()[static_cast<std::size_t>(kind)].start(studio);
    QVERIFY(studio.controller.busy());
    studio.controller.cancel();
    QVERIFY(studio.wait_until_calm());
    QVERIFY2(studio.message().contains(QStringLiteral("cancelled")), qPrintable(studio.message()));
    QCOMPARE(studio.controller.opened(), opened);
    QCOMPARE(studio.controller.converted(), converted);
    QVERIFY(!std::filesystem::exists(destination(studio)));
  }

  void closed_data() { add_kinds(); }
  void closed() {
    QFETCH(int, kind);
    Studio studio;
    QVERIFY(studio.open_demo());
    QSignalSpy progress(&studio.controller, &Controller::jobProgressed);
    const HeartBeat beat;
    kinds()[static_cast<std::size_t>(kind)].start(studio);
    QVERIFY(studio.controller.busy());
    QVERIFY(QTest::qWaitFor([&] { return !progress.isEmpty() || !studio.controller.busy(); }, 60'000));
    studio.window->close();
    QTRY_VERIFY_WITH_TIMEOUT(!studio.window->isVisible(), 60'000);
    QVERIFY(!studio.controller.working());
    QVERIFY2(!studio.message().contains(QStringLiteral("failed")), qPrintable(studio.message()));
    VERIFY_ALIVE(beat);
  }

  /// A file of 2 GB takes no longer to refuse than a small one, and holds nothing up.
  void aHugeFileIsRefused() {
    Studio studio;
    const auto folder = studio.folder / "huge";
    std::filesystem::copy(bsbr::test::in_repository("resources/demo"), folder);
    const nlohmann::json tensor = {
        {"dtype", "F32"}, {"shape", {524288, 1024}}, {"data_offsets", {0, 2147483648U}}};
    const std::string header = nlohmann::json{{"transformer.wte.weight", tensor}}.dump();
    const auto file = test::write_file(folder / "model.safetensors", test::safetensors(header));
    std::filesystem::resize_file(file, 8 + header.size() + 2147483648U);
    const HeartBeat beat;
    studio.window->openPath(QString::fromStdString(folder.string()));
    QTRY_VERIFY_WITH_TIMEOUT(!studio.message().isEmpty(), 60'000);
    QVERIFY(studio.wait_until_calm());
    QVERIFY2(studio.message().contains(QStringLiteral("wte")), qPrintable(studio.message()));
    QVERIFY(!studio.controller.opened());
    VERIFY_ALIVE(beat);
  }

  /// Conversions that nobody looks at any more give their memory back, with the maps that were made of them.
  void memoryDoesNotGrow() {
#ifdef __SANITIZE_ADDRESS__
    QSKIP("AddressSanitizer keeps what is given back");
#else
    Studio studio;
    QVERIFY(studio.open_demo());
    studio.window->showTab(studio.tab("attention"));
    double after_two = 0;
    for (int i = 1; i <= 20; ++i) {
      ConversionSettings settings = Studio::uniform();
      settings.retrieve = i % 2 == 0 ? 64 : 128;
      studio.controller.changeSettings(settings, QStringLiteral("test"));
      const auto before = studio.controller.converted();
      click(studio.find<QAbstractButton>("Convert"));
      QTRY_VERIFY_WITH_TIMEOUT(studio.controller.converted() != before, 60'000);
      QTRY_VERIFY_WITH_TIMEOUT(!studio.tab("attention")->is_working(), 60'000);
      QVERIFY(studio.wait_until_calm());
      if (i == 2) after_two = resident();
    }
    const double at_last = resident();
    qInfo("after 2 conversions %.0f MiB, after 20 %.0f MiB", after_two, at_last);
    QVERIFY(at_last < 1.1 * after_two);
#endif
  }
};

QTEST_MAIN(TestUiEndings)
#include "test_ui_endings.moc"
