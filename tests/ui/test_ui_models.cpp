#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>
#include <nlohmann/json.hpp>

#include "tests/support/files.h"
#include "tests/support/places.h"
#include "ui/core/checkpoint_list_model.h"
#include "ui/core/conversion_settings.h"
#include "ui/core/cost_table.h"
#include "ui/core/opening.h"
#include "ui/core/session.h"
#include "ui/core/sweep_table.h"
#include "ui/core/token_model.h"

using namespace bsbr;
using test::TempFolder;

namespace {

constexpr auto kFatal = QAbstractItemModelTester::FailureReportingMode::QtTest;

/// Exact pairs by the definition: own chunk, window and sink, and of the rest up to `retrieve`.
double counted_density(const BsbrConfig& config, std::int64_t tokens, std::int64_t retrieve) {
  double exact = 0;
  double all = 0;
  for (std::int64_t q = 0; q < tokens; ++q) {
    const std::int64_t near_from = (q / config.chunk_size - config.window) * config.chunk_size;
    std::int64_t far = 0;
    for (std::int64_t k = 0; k <= q; ++k) {
      ++all;
      if (k >= near_from || k < config.sink_in_blocks())
        ++exact;
      else if (++far <= retrieve)
        ++exact;
    }
  }
  return exact / all;
}

SweepPoint point(SweepKind kind, double density, double kl, std::int64_t bytes) {
  SweepPoint made{kind, density, {}, {}, bytes};
  made.fidelity.density = density;
  made.fidelity.kl = kl;
  return made;
}

}  // namespace

class TestUiModels : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void tokensAreShown() {
    TokenModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    auto tokens = std::make_shared<TokenizedText>();
    tokens->ids = {7, 9};
    tokens->pieces = {QStringLiteral(" a"), QStringLiteral("\n")};
    model.setTokens(tokens);
    QCOMPARE(model.rowCount(), 2);
    QCOMPARE(model.index(0).data().toString(), QStringLiteral("\u00B7a"));
    QVERIFY(model.index(1).data(Qt::ToolTipRole).toString().contains(QStringLiteral("9")));
    model.setTokens(nullptr);
    QCOMPARE(model.rowCount(), 0);
  }

  void recentCheckpointsComeFirstAndOnce() {
    CheckpointListModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    for (int i = 0; i < 12; ++i) model.remember(QStringLiteral("org/model-%1").arg(i));
    model.remember(QStringLiteral("org/model-8"));
    QCOMPARE(model.recent().size(), CheckpointListModel::kMostRecent);
    QCOMPARE(model.recent().front(), QStringLiteral("org/model-8"));
    QCOMPARE(model.recent().count(QStringLiteral("org/model-8")), 1);
  }

  void whatIsIncompleteOrGoneIsMarked() {
    CheckpointListModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    const int before = model.rowCount();
    model.setHub({{"whole/one", {}}, {"half/one", "it lacks model.safetensors"}});
    QCOMPARE(model.rowCount(), before + 2);
    const QModelIndex half = model.index(before + 1);
    QCOMPARE(half.data().toString(), QStringLiteral("half/one, incomplete"));
    QCOMPARE(half.data(CheckpointListModel::SourceRole).toString(), QStringLiteral("half/one"));
    QVERIFY(
        half.data(Qt::ToolTipRole).toString().contains(QStringLiteral("fetches what is missing. it lacks")));
    QVERIFY(model.index(before).flags().testFlag(Qt::ItemIsEnabled));
    model.setRecent({QStringLiteral("/nowhere/at/all")});
    QVERIFY(model.index(1).data(CheckpointListModel::SourceRole).toString().isEmpty());
  }

  void costsAreShownBesideEachOther() {
    CostTable model;
    const QAbstractItemModelTester tester(&model, kFatal);
    BenchPoint bench{1024, std::vector<Cost>(2), {}};
    bench.costs[0].prefill_ms = {1900, 2000, 2100, 5};
    bench.costs[1].prefill_ms = {990, 1000, 1010, 5};
    model.add(bench);
    QCOMPARE(model.index(0, 1).data().toString(), QStringLiteral("2.00\u00A0s ± 5\u00A0%"));
    QCOMPARE(model.index(0, 3).data().toString(), QStringLiteral("2.00\u00A0×"));
    QCOMPARE(model.index(0, 4).data().toString(), QStringLiteral("–"));
    model.clear();
    QCOMPARE(model.rowCount(), 0);
  }

  void sweepMarksWhatNothingBeats() {
    SweepTable model;
    const QAbstractItemModelTester tester(&model, kFatal);
    model.add(point(SweepKind::Uniform, 0.3, 0.02, 100));
    QVERIFY(model.pareto()[0]);
    model.add(point(SweepKind::Planned, 0.2, 0.01, 100));
    QCOMPARE(model.pareto(), (std::vector<bool>{false, true}));
    QVERIFY(model.index(1, 0).data().toString().startsWith(QStringLiteral("★")));
    QVERIFY(!model.index(0, 0).data().toString().startsWith(QStringLiteral("★")));
  }

  void densityIsCountedRight_data() {
    QTest::addColumn<int>("tokens");
    QTest::addColumn<int>("window");
    QTest::addColumn<int>("retrieve");
    QTest::newRow("near only") << 300 << 0 << 0;
    QTest::newRow("window") << 300 << 2 << 0;
    QTest::newRow("retrieved") << 333 << 1 << 48;
    QTest::newRow("all") << 200 << 0 << 1000;
    QTest::newRow("within a chunk") << 20 << 1 << 16;
  }
  void densityIsCountedRight() {
    QFETCH(int, tokens);
    QFETCH(int, window);
    QFETCH(int, retrieve);
    BsbrConfig config;
    config.chunk_size = 32;
    config.window = window;
    QVERIFY(std::abs(uniform_density(config, tokens, retrieve) - counted_density(config, tokens, retrieve)) <
            1e-12);
  }

  void qualityIsPredictedOnlyFromAPlan() {
    ConversionSettings settings;
    QVERIFY(!expected_density(settings, 4096, {}));
    const double near = *expected_density(settings, 4096, CheckedPlan{0.2, settings.quality});
    QVERIFY(std::abs(near - 0.2) < 1e-12);
    settings.quality /= 16;
    QVERIFY(std::abs(*expected_density(settings, 4096, CheckedPlan{0.2, 0.005}) - 0.4) < 1e-12);
  }

  void sliderGoesFromFaithfulToFast_data() {
    QTest::addColumn<int>("goal");
    for (const Goal goal : {Goal::Quality, Goal::Density, Goal::Uniform, Goal::StatesOnly})
      QTest::addRow("%d", static_cast<int>(goal)) << static_cast<int>(goal);
  }
  void sliderGoesFromFaithfulToFast() {
    QFETCH(int, goal);
    ConversionSettings settings;
    settings.goal = static_cast<Goal>(goal);
    double last = 2;
    for (double speed = 0; speed <= 1; speed += 0.25) {
      settings.set_speed(speed);
      settings.config().validate(8192);
      const double density = *expected_density(settings, 8192, CheckedPlan{0.1, 0.005});
      QVERIFY(density <= last);
      last = density;
    }
  }

  void settingsSurviveJson() {
    ConversionSettings settings;
    settings.goal = Goal::Uniform;
    settings.retrieve = 96;
    settings.chunk_size = 64;
    settings.calibration = "/a/text.txt";
    QVERIFY(ConversionSettings::from_json(settings.to_json()) == settings);
    EXPECT_ERROR(ConversionSettings::from_json({{"goal", "fast"}}), ErrorKind::InvalidFile, "legal");
    EXPECT_ERROR(ConversionSettings::from_json({{"quality", "good"}}), ErrorKind::InvalidFile, "wrong type");
    EXPECT_ERROR(ConversionSettings::from_json({{"quality", -1}}), ErrorKind::InvalidFile, "legal");
  }

  void sessionsSurviveTheDisk() {
    const TempFolder folder;
    Session session;
    session.checkpoint = QStringLiteral("/models/one");
    session.settings.goal = Goal::Density;
    session.settings.density = 0.3;
    session.text = QStringLiteral("Größe 日本\n");
    session.selection = {2, 3, 77};
    session.tab = QStringLiteral("cost");
    session.converted = true;
    session.save(folder / "s.json");
    const Session again = Session::load(folder / "s.json");
    QCOMPARE(again.checkpoint, session.checkpoint);
    QVERIFY(again.settings == session.settings);
    QCOMPARE(again.text, session.text);
    QVERIFY(again.selection == session.selection);
    QCOMPARE(again.tab, session.tab);
    QVERIFY(again.converted);
  }

  void sessionsFindTheirFiles() {
    const TempFolder folder;
    test::write_file(folder / "texts/a.txt", "Once");
    const auto file =
        test::write_file(folder / "sessions/s.json",
                         R"({"version": 1, "checkpoint": "../models/m", "text_file": "../texts/a.txt"})");
    const Session session = Session::load(file);
    QCOMPARE(session.text, QStringLiteral("Once"));
    QCOMPARE(session.checkpoint.toStdString(), (folder / "models/m").string());
  }

  void badSessionsAreRefused() {
    const TempFolder folder;
    EXPECT_ERROR(Session::load(folder / "none.json"), ErrorKind::NotFound, "none.json");
    EXPECT_ERROR(Session::load(test::write_file(folder / "a.json", "{}")), ErrorKind::InvalidFile, "version");
    EXPECT_ERROR(Session::load(test::write_file(folder / "b.json", R"({"version": 1, "text": 5})")),
                 ErrorKind::InvalidFile, "b.json", "wrong type");
    EXPECT_ERROR(
        Session::load(test::write_file(folder / "c.json", R"({"version": 1, "conversion": {"goal": 1}})")),
        ErrorKind::InvalidFile, "c.json");
    for (const char* entry :
         {R"("selection": {"layer": 1e300})", R"("selection": {"head": -1})",
          R"("selection": {"layer": 4294967296})", R"("selection": {"query": 18446744073709551615})",
          R"("selection": [])", R"("conversion": {"goal": "uniform", "chunk_size": 0})",
          R"("conversion": {"goal": "uniform", "block_size": 0})",
          R"("conversion": {"goal": "states_only", "compression_factor": -4})",
          R"("conversion": {"window": 9223372036854775807})", R"("conversion": {"retrieve": 1e300})"}) {
      const auto file = test::write_file(folder / "d.json", R"({"version": 1, )" + std::string(entry) + "}");
      EXPECT_ERROR(Session::load(file), ErrorKind::InvalidFile, "d.json", "is expected");
    }
    EXPECT_ERROR(Session::load(test::write_file(folder / "e.json", R"({"version": 1e300})")),
                 ErrorKind::InvalidFile, "e.json", "version is 1e+300");
  }

  void theSampleSessionIsSound() {
    const Session session = Session::load(bsbr::test::in_repository("resources/sessions/demo-session.json"));
    QVERIFY(session.converted);
    QVERIFY(session.text.size() > 1000);
    QVERIFY(QFileInfo::exists(session.checkpoint));
  }

  void settingsFitShortContexts() {
    const ConversionSettings fitted = fitting({}, 96);
    fitted.config().validate(96);
    QVERIFY(fitted.chunk_size * 4 <= 96);
  }
};

QTEST_MAIN(TestUiModels)
#include "test_ui_models.moc"
