#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QLabel>
#include <QSpinBox>
#include <QTableView>
#include <QtTest>

#include <cmath>

#include "engine/analysis/attention_map.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "tests/support/places.h"
#include "tests/support/resource_text.h"
#include "tests/ui/shown.h"
#include "ui/attention/attention_view.h"
#include "ui/attention/head_grid_view.h"
#include "ui/attention/map_trio.h"
#include "ui/attention/query_plot.h"
#include "ui/attention/ranking_model.h"
#include "ui/attention/retrieval_view.h"
#include "ui/attention/token_text.h"

using bsbr::AttentionCapture;
using bsbr::AttentionScene;
using bsbr::AttentionView;
using bsbr::HeatMap;
using bsbr::LatestTask;
using bsbr::RetrievalView;
using bsbr::test::move;

namespace {

constexpr std::size_t kTokens = 512;

struct Captured {
  std::shared_ptr<const AttentionCapture> capture;
  std::vector<QString> pieces;
};

/// The demo's text, read by the demo and by a conversion whose heads differ.
Captured capture_demo(std::size_t tokens) {
  const bsbr::Checkpoint checkpoint = bsbr::Checkpoint::open(bsbr::test::in_repository("resources/demo"));
  const bsbr::LanguageModel model = bsbr::LanguageModel::load(checkpoint);
  const bsbr::Tokenizer tokenizer = bsbr::open_tokenizer(checkpoint);
  bsbr::BsbrConfig config;
  config.plan.assign(4, {{64, 0, true}, {0, 0, false}, {256, 0.001, true}, {2048, 0, true}});
  const auto ids = bsbr::test::resource_tokens(tokenizer, "demo/sample.txt", tokens);
  Captured captured{std::make_shared<const AttentionCapture>(model, model.with_attention(config), ids), {}};
  for (const bsbr::TokenId id : ids) captured.pieces.push_back(QString::fromStdString(tokenizer.decode(id)));
  return captured;
}

void show(QWidget& view) {
  bsbr::test::show(view, 960, 700);
}

void click(bsbr::Plot& plot, const QPointF& at) {
  QTest::mouseClick(plot.canvas(), Qt::LeftButton, {}, plot.toPixel(at).toPoint());
}

}  // namespace

class TestAttentionViews : public QObject {
  Q_OBJECT

  Captured demo_;

  void waitFor(const AttentionView& view) {
    QTRY_VERIFY(view.maps()->settled() && view.maps()->map(0)->grid().rows > 0);
  }

 private Q_SLOTS:
  void initTestCase() { demo_ = capture_demo(kTokens); }

  void words() {
    QCOMPARE(bsbr::quoted_text("a\nb\tc", 9), QString::fromUtf8("“a↵b⇥c”"));
    QCOMPARE(bsbr::quoted_text(QString(30, 'x'), 9), QString::fromUtf8("“xxxxxx…xxx”"));
    QLocale::setDefault(QLocale::c());
    QCOMPARE(bsbr::weight_text(0.12345), QString("0.1235"));
    QCOMPARE(bsbr::weight_text(-0.00012), QString("-1.2e-04"));
    QCOMPARE(bsbr::weight_text(0), QString("0.0000"));
    QCOMPARE(bsbr::percent_text(0.1234), QString::fromUtf8("12.3\u202F%"));
    QCOMPARE(bsbr::percent_text(0.01234), QString::fromUtf8("1.23\u202F%"));
    QCOMPARE(bsbr::percent_text(1e-6), QString::fromUtf8("<0.01\u202F%"));
  }

  void latestTaskGivesOnlyTheLast() {
    LatestTask task;
    std::vector<int> results;
    std::atomic<bool> cancelled{false};
    const auto endless = [&](const bsbr::Job& job) {
      try {
        for (;;) job.check();
      } catch (...) {
        cancelled = true;
        throw;
      }
      return 0;
    };
    task.start(endless, [&](int) { results.push_back(-1); });
    QTest::qWait(10);
    for (int i = 0; i < 50; ++i)
      task.start([i](const bsbr::Job&) { return i; }, [&](int r) { results.push_back(r); });
    QTRY_COMPARE(results, std::vector<int>{49});
    QVERIFY(cancelled && !task.busy());
    QSignalSpy failed(&task, &LatestTask::failed);
    task.start([](const bsbr::Job&) -> int { throw bsbr::Error(bsbr::ErrorKind::Io, "no disk"); },
               [](int) {});
    QTRY_COMPARE(failed.size(), 1);
    QCOMPARE(failed.front().front().toString(), QString("no disk"));
    task.start(endless, [](int) {});
  }

  void headGridModel() {
    AttentionScene scene;
    bsbr::HeadGridModel model(scene);
    const QAbstractItemModelTester tester(&model);
    QCOMPARE(model.rowCount(), 0);
    scene.setCapture(demo_.capture, demo_.pieces);
    model.reset();
    QCOMPARE(model.rowCount(), 4);
    QCOMPARE(model.columnCount(), 4);
    QVERIFY(!model.hasImage(model.index(1, 2)));
    model.setImage(model.index(1, 2), QImage(4, 4, QImage::Format_RGB32));
    QVERIFY(model.hasImage(model.index(1, 2)));
    QVERIFY(model.data(model.index(0, 0), Qt::ToolTipRole).toString().contains("retrieves 64 tokens"));
    QVERIFY(model.data(model.index(0, 1), Qt::ToolTipRole).toString().contains("dropped"));
    scene.setCapture(nullptr, {});
    model.reset();
    QCOMPARE(model.rowCount(), 0);
  }

  void rankingModel() {
    AttentionScene scene;
    bsbr::RankingModel model(scene);
    const QAbstractItemModelTester tester(&model);
    scene.setCapture(demo_.capture, demo_.pieces);
    const bsbr::QueryRetrieval why = bsbr::retrieval_of_query(*demo_.capture, 2, 0, 500);
    model.setRetrieval(why);
    QCOMPARE(model.rowCount(), int(why.chunks.size()));
    model.setBlocks(true);
    QCOMPARE(model.rowCount(), int(why.blocks.size()));
    QCOMPARE(model.data(model.index(0, bsbr::RankingModel::Exact), Qt::DisplayRole).toString(),
             QString("16 of 16"));
    const auto text = model.data(model.index(0, bsbr::RankingModel::Text), Qt::DisplayRole).toString();
    QCOMPARE(text, scene.text(why.blocks[0].begin, why.blocks[0].end, 120));
    QVERIFY(text.size() > 10);
    model.setRetrieval(std::nullopt);
    QCOMPARE(model.rowCount(), 0);
  }

  void mapsShowWhatTheEngineSays() {
    AttentionScene scene;
    AttentionView view(scene);
    show(view);
    scene.setHead(2, 1);
    scene.setCapture(demo_.capture, demo_.pieces);
    waitFor(view);
    const bsbr::HeatGrid& grid = view.maps()->map(1)->grid();
    const bsbr::AttentionMap expected = bsbr::attention_map(
        *demo_.capture, {2, 1, {0, kTokens, 0, kTokens}, grid.rows, grid.columns, bsbr::Pooling::Maximum});
    for (std::size_t i = 0; i < expected.converted.size(); ++i) {
      if (!std::isnan(expected.converted[i])) QCOMPARE(grid.values[i], expected.converted[i]);
    }
    QTest::keyClick(view.findChild<QSpinBox*>(), Qt::Key_Up);
    QCOMPARE(scene.layer(), 3);
    waitFor(view);
    QVERIFY(view.maps()->map(1)->grid().values != expected.converted);
  }

  void zoomIsCommonAndFiner() {
    AttentionScene scene;
    AttentionView view(scene);
    show(view);
    scene.setCapture(demo_.capture, demo_.pieces);
    waitFor(view);
    HeatMap* first = view.maps()->map(0);
    first->setFocus();
    for (int i = 0; i < 8; ++i) QTest::keyClick(first, '+');
    QVERIFY(first->view().width() < 0.3 * kTokens);
    QCOMPARE(view.maps()->map(2)->view(), first->view());
    QTRY_VERIFY(view.maps()->settled() && first->grid().extent.width() < 0.4 * kTokens);
    QVERIFY(first->grid().extent.contains(first->view()));
    // A cell a pair now.
    QCOMPARE(double(first->grid().columns), first->grid().extent.width());
    QTest::mouseDClick(view.maps()->map(2)->canvas(), Qt::LeftButton, {},
                       view.maps()->map(2)->dataRect().center());
    QCOMPARE(first->view(), QRectF(0, 0, kTokens, kTokens));
  }

  void hoverIsExactInBoth() {
    AttentionScene scene;
    AttentionView view(scene);
    show(view);
    scene.setHead(1, 2);
    scene.setCapture(demo_.capture, demo_.pieces);
    waitFor(view);
    QSignalSpy pointed(view.maps(), &bsbr::MapTrio::pointedAt);
    HeatMap* map = view.maps()->map(2);
    move(*map, map->toPixel({100.5, 400.5}).toPoint());
    QTRY_VERIFY(!pointed.isEmpty());
    const std::int64_t query = pointed.back()[0].toLongLong(), key = pointed.back()[1].toLongLong();
    QVERIFY(std::abs(query - 400) < 4 && std::abs(key - 100) < 4);
    const bsbr::QueryAttention weights = bsbr::attention_of_query(*demo_.capture, 1, 2, query);
    QTRY_VERIFY(view.readout().contains("original"));
    for (const float weight : {weights.original[std::size_t(key)], weights.converted[std::size_t(key)]})
      QVERIFY2(view.readout().contains(bsbr::weight_text(weight)), qPrintable(view.readout()));
    QVERIFY(view.readout().contains(scene.text(query, query + 1)) &&
            view.readout().contains(scene.text(key, key + 1)));
    move(*map, {1, 1});
    QTRY_VERIFY(view.readout().startsWith("Point at a map"));
  }

  void keysMoveTheCursorAndChooseAQuery() {
    AttentionScene scene;
    AttentionView view(scene);
    show(view);
    scene.setCapture(demo_.capture, demo_.pieces);
    waitFor(view);
    HeatMap* map = view.maps()->map(0);
    map->setFocus();
    QTest::keyClick(map, Qt::Key_Down);
    QTRY_VERIFY(view.readout().startsWith("Query 25"));
    QTest::keyClick(map, Qt::Key_Return);
    QVERIFY(scene.query().has_value());
    QTRY_VERIFY(view.queryPlot()->query().has_value());
    QCOMPARE(view.queryPlot()->query()->position, *scene.query());
  }

  void clickShowsTheQuery() {
    AttentionScene scene;
    AttentionView view(scene);
    show(view);
    scene.setHead(3, 0);
    scene.setCapture(demo_.capture, demo_.pieces);
    waitFor(view);
    click(*view.maps()->map(1), {50, 300});
    QVERIFY(scene.query() && std::abs(*scene.query() - 300) < 4);
    QTRY_VERIFY(view.queryPlot()->query().has_value());
    const bsbr::QueryAttention expected = bsbr::attention_of_query(*demo_.capture, 3, 0, *scene.query());
    QCOMPARE(view.queryPlot()->query()->converted, expected.converted);
    QCOMPARE(view.queryPlot()->table().rows.size(), std::size_t(*scene.query() + 1));
    scene.setHead(3, 1);
    QTRY_VERIFY(view.queryPlot()->query()->converted != expected.converted);
  }

  void headsAsThumbnails() {
    AttentionScene scene;
    AttentionView view(scene);
    show(view);
    scene.setCapture(demo_.capture, demo_.pieces);
    const auto* model = dynamic_cast<bsbr::HeadGridModel*>(view.heads()->model());
    QVERIFY(model != nullptr);
    const auto all = [&] {
      for (int i = 0; i < 16; ++i)
        if (!model->hasImage(model->index(i / 4, i % 4))) return false;
      return true;
    };
    QTRY_VERIFY(all());
    view.heads()->setFocus();
    QTest::keyClick(view.heads(), Qt::Key_Down);
    QTest::keyClick(view.heads(), Qt::Key_Right);
    QCOMPARE(scene.layer(), 1);
    QCOMPARE(scene.head(), 1);
    QTest::mouseClick(view.heads()->viewport(), Qt::LeftButton, {},
                      view.heads()->visualRect(model->index(3, 2)).center());
    QCOMPARE(scene.layer(), 3);
    QCOMPARE(scene.head(), 2);
    const auto before = model->data(model->index(2, 2), Qt::DecorationRole).value<QImage>();
    view.heads()->setShows(bsbr::HeadGridView::Shows::Difference);
    QVERIFY(!all());
    QTRY_VERIFY(all());
    QVERIFY(model->data(model->index(2, 2), Qt::DecorationRole).value<QImage>() != before);
  }

  void anotherTextAndNone() {
    AttentionScene scene;
    AttentionView view(scene);
    RetrievalView retrieval(scene);
    show(view);
    show(retrieval);
    scene.setQuery(400);
    scene.setCapture(demo_.capture, demo_.pieces);
    waitFor(view);
    const Captured shorter = capture_demo(200);
    scene.setCapture(shorter.capture, shorter.pieces);
    QCOMPARE(*scene.query(), 199);
    waitFor(view);
    QCOMPARE(view.maps()->map(0)->grid().extent, QRectF(0, 0, 200, 200));
    QTRY_COMPARE(retrieval.trueMass()->grid().rows, 2);
    scene.setCapture(nullptr, {});
    QCOMPARE(view.maps()->map(0)->grid().rows, 0);
    QTRY_VERIFY(!view.queryPlot()->query().has_value());
    QCOMPARE(retrieval.ranking()->rowCount(), 0);
  }

  void retrieval() {
    AttentionScene scene;
    RetrievalView view(scene);
    show(view);
    scene.setHead(2, 0);
    scene.setCapture(demo_.capture, demo_.pieces);
    QTRY_COMPARE(view.trueMass()->grid().rows, 4);
    const bsbr::RetrievalGrid expected = bsbr::retrieval_grid(*demo_.capture, 2, 0);
    QCOMPARE(view.retrieved()->grid().values[8], expected.retrieved[8]);
    QCOMPARE(view.score()->grid().values[12], expected.score[12]);
    QCOMPARE(view.lostByQuery()->table().rows[300][2], double(expected.lost_by_query[300]));

    click(*view.score(), {100, 450});
    QVERIFY(scene.query() && std::abs(*scene.query() - 450) < 6);
    const bsbr::QueryRetrieval why = bsbr::retrieval_of_query(*demo_.capture, 2, 0, *scene.query());
    QTRY_COMPARE(view.ranking()->rowCount(), int(why.chunks.size()));
    QCOMPARE(view.ranking()->part(0).begin, why.chunks[0].begin);
    view.findChild<QComboBox*>()->setFocus();
    QTest::keyClick(view.findChild<QComboBox*>(), Qt::Key_Down);
    QCOMPARE(view.ranking()->rowCount(), int(why.blocks.size()));

    const auto finished = [&] {
      const auto& values = view.lostByHead()->grid().values;
      return values.size() == 16 &&
             std::none_of(values.begin(), values.end(), [](float v) { return std::isnan(v); });
    };
    QTRY_VERIFY(finished());
    QCOMPARE(view.lostByHead()->valueAt({1, 2}), float(bsbr::head_loss(*demo_.capture, 2, 1).lost));
    click(*view.lostByHead(), {3, 1});
    QCOMPARE(scene.layer(), 1);
    QCOMPARE(scene.head(), 3);
    // That head reads everything: nothing is lost and there is nothing to choose.
    QTRY_COMPARE(view.lostByQuery()->table().rows[300][2], 0.0);
    QVERIFY(std::isnan(view.score()->grid().values[12]));
  }

  /// The window goes on while maps are made, and closing it then is safe.
  void closedWhileWorking() {
    const Captured longer = capture_demo(2048);
    for (int i = 0; i < 5; ++i) {
      AttentionScene scene;
      AttentionView view(scene);
      RetrievalView retrieval(scene);
      show(view);
      show(retrieval);
      scene.setCapture(longer.capture, longer.pieces);
      scene.setQuery(2000);
      QTest::qWait(10 * i);
    }
  }
};

QTEST_MAIN(TestAttentionViews)
#include "test_attention_views.moc"
