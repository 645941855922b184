#include <QClipboard>
#include <QTemporaryDir>
#include <QWheelEvent>
#include <QtTest>

#include <cmath>

#include "tests/ui/shown.h"
#include "ui/plot/bar_plot.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/line_plot.h"

using bsbr::BarPlot;
using bsbr::HeatMap;
using bsbr::LinePlot;
using bsbr::Plot;
using bsbr::test::move;

namespace {

void fill(HeatMap& map) {
  map.setAxisTitles("key (token)", "query (token)");
  map.setExtent({0, 0, 4, 3});
  map.setGrid({4, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, NAN}, {0, 0, 4, 3}});
  map.setScale({bsbr::ColorMap::Sequential, 0, 10, false}, "weight");
}

void fill(LinePlot& plot) {
  plot.setAxisTitles("tokens", "seconds");
  plot.setSeries({{"original", {1, 10, 100}, {1, 10, 100}, {0.5, 9, 90}, {2, 11, 120}, 0, true, true},
                  {"converted, dashed", {1, 10, 100}, {2, 4, 0}, {}, {}, 1}});
}

void show(Plot& plot) {
  bsbr::test::show(plot, 400, 300);
  QTRY_VERIFY(plot.dataRect().width() > 50);
}

void wheel(Plot& plot, const QPoint& at, int delta) {
  QWheelEvent event(at, plot.canvas()->mapToGlobal(at), {}, {0, delta}, Qt::NoButton, Qt::NoModifier,
                    Qt::NoScrollPhase, false);
  QApplication::sendEvent(plot.canvas(), &event);
}

}  // namespace

class TestPlots : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void csv() {
    bsbr::PlotTable table{
        {"a, b", "say \"c\""}, std::vector<std::vector<double>>{{1, NAN}, {0.5, -2e-7}}, {}};
    QCOMPARE(table.csv(), QString("\"a, b\",\"say \"\"c\"\"\"\n1,\n0.5,-2e-07\n"));
    table.names << "zero"
                << "one";
    table.rows = {{1, 3}};
    QCOMPARE(table.csv(), QString("\"a, b\",\"say \"\"c\"\"\"\none,3\n"));
  }

  void wheelZoomsAroundTheMouse() {
    HeatMap map;
    fill(map);
    show(map);
    QCOMPARE(map.view(), QRectF(0, 0, 4, 3));
    map.setStep({0.01, 0.01});
    const QPoint at = map.dataRect().center() + QPoint(40, -30);
    const QPointF below = map.toAxes(at);
    wheel(map, at, 240);
    QVERIFY(map.view().width() < 4 * 0.7 && map.view().width() > 4 * 0.6);
    QVERIFY((map.toAxes(at) - below).manhattanLength() < 0.05);
    wheel(map, at, -2400);
    QCOMPARE(map.view(), QRectF(0, 0, 4, 3));
  }

  void dragPansAndDoubleClickResets() {
    HeatMap map;
    fill(map);
    show(map);
    map.setStep({0.01, 0.01});
    map.setView({1, 1, 1, 1});
    const QPoint from = map.dataRect().center();
    QSignalSpy clicks(&map, &Plot::clicked);
    QTest::mousePress(map.canvas(), Qt::LeftButton, {}, from);
    QTest::mouseMove(map.canvas(), from + QPoint(30, 20));
    QTest::mouseRelease(map.canvas(), Qt::LeftButton, {}, from + QPoint(30, 20));
    QVERIFY(map.view().left() < 1 && map.view().top() < 1);
    QCOMPARE(clicks.size(), 0);
    QTest::mouseDClick(map.canvas(), Qt::LeftButton, {}, from);
    QCOMPARE(map.view(), QRectF(0, 0, 4, 3));
  }

  void keys() {
    HeatMap map;
    fill(map);
    show(map);
    map.setStep({0.01, 0.01});
    map.setFocus();
    QTest::keyClick(&map, '+');
    QCOMPARE(map.view().width(), 4 * 0.8);
    const double before = map.view().left();
    QTest::keyClick(&map, Qt::Key_Right, Qt::ShiftModifier);
    QVERIFY(map.view().left() > before);
    QTest::keyClick(&map, Qt::Key_Home);
    QCOMPARE(map.view(), QRectF(0, 0, 4, 3));
    map.setStep({1, 1});
    QSignalSpy moved(&map, &HeatMap::cursorMoved);
    QSignalSpy clicks(&map, &Plot::clicked);
    QTest::keyClick(&map, Qt::Key_Right);
    QTest::keyClick(&map, Qt::Key_Down);
    QCOMPARE(moved.size(), 2);
    QCOMPARE(moved.back().front().toPointF(), QPointF(3, 2.5));
    QTest::keyClick(&map, Qt::Key_Return);
    QCOMPARE(clicks.size(), 1);
    QCOMPARE(clicks.front().front().toPointF(), QPointF(3, 2.5));
  }

  void hoverAndValues() {
    HeatMap map;
    fill(map);
    show(map);
    QSignalSpy hovered(&map, &Plot::hovered);
    QSignalSpy left(&map, &Plot::left);
    const QPoint at = map.toPixel({2.5, 1.5}).toPoint();
    move(map, at);
    QTRY_VERIFY(!hovered.isEmpty());
    QCOMPARE(map.valueAt(hovered.back().front().toPointF()), 6.0F);
    QCOMPARE(map.valueAt({0.1, 0.1}), 0.0F);
    QVERIFY(std::isnan(map.valueAt({3.5, 2.5})) && std::isnan(map.valueAt({9, 9})));
    move(map, {1, 1});
    QTRY_VERIFY(!left.isEmpty());
  }

  /// The first row is at the top, NaN is not drawn, and both ends of the scale have their colours.
  void cellsWhereTheyBelong() {
    HeatMap map;
    fill(map);
    show(map);
    const QImage image = map.canvas()->grab().toImage();
    const auto at = [&](double x, double y) {
      return image.pixelColor((map.toPixel({x, y}) * image.devicePixelRatio()).toPoint());
    };
    const auto stops = bsbr::color_stops(bsbr::ColorMap::Sequential, false);
    QCOMPARE(at(0.5, 0.5).rgb(), stops.front().color.rgb());
    QCOMPARE(at(2.5, 2.5).rgb(), stops.back().color.rgb());
    QCOMPARE(at(3.5, 2.5).rgb(), bsbr::PlotColors(map.palette()).empty().rgb());
  }

  void followsThePalette() {
    HeatMap map;
    fill(map);
    show(map);
    QPalette dark;
    dark.setColor(QPalette::Base, QColor(30, 31, 34));
    dark.setColor(QPalette::Text, Qt::white);
    map.setPalette(dark);
    QTRY_COMPARE(map.canvas()->grab().toImage().pixelColor(1, 1), QColor(30, 31, 34));
  }

  void logarithmicLines() {
    LinePlot plot;
    fill(plot);
    plot.setLogarithmic(true, true);
    show(plot);
    QVERIFY(plot.view().left() > 0 && plot.view().top() > 0 && plot.view().bottom() > 100);
    wheel(plot, plot.dataRect().center(), 120);
    QVERIFY(plot.view().left() > 1);
    QSignalSpy hits(&plot, &LinePlot::pointClicked);
    plot.resetView();
    QTest::mouseClick(plot.canvas(), Qt::LeftButton, {}, plot.toPixel({10, 10}).toPoint());
    QCOMPARE(hits.size(), 1);
    QCOMPARE(hits.front(), (QVariantList{0, 1}));
    QVERIFY(plot.table().csv().contains("\"converted, dashed\",100,0,,"));
  }

  void bars() {
    BarPlot plot;
    plot.setBars({"original", "converted"}, {{"attention", {3, 1}, 0}, {"MLP", {2, 2}, 1}});
    show(plot);
    QVERIFY(plot.view().bottom() > 5 && plot.view().top() == 0);
    QCOMPARE(plot.table().csv(), QString("bar,attention,MLP\noriginal,3,2\nconverted,1,2\n"));
  }

  void saves_data() {
    QTest::addColumn<QString>("suffix");
    QTest::addColumn<QByteArray>("begins");
    QTest::newRow("png") << "png" << QByteArray("\x89PNG");
    QTest::newRow("svg") << "svg" << QByteArray("<?xml");
    QTest::newRow("pdf") << "pdf" << QByteArray("%PDF");
    QTest::newRow("csv") << "csv"
                         << QByteArray("query (token) (middle),key (token) (middle),weight\n0.5,0.5,0\n");
  }
  void saves() {
    QFETCH(QString, suffix);
    QFETCH(QByteArray, begins);
    const QTemporaryDir folder;
    HeatMap map;
    fill(map);
    show(map);
    const QString path = folder.filePath("plot." + suffix);
    QCOMPARE(map.saveAs(path), QString());
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QByteArray bytes = file.readAll();
    QVERIFY2(bytes.startsWith(begins), bytes.left(80));
    QVERIFY(map.saveAs(folder.filePath("no/such.png")).contains("was not written"));
    QVERIFY(map.saveAs(folder.filePath("plot.doc")).contains("must end in"));
  }

  void copies() {
    LinePlot plot;
    fill(plot);
    show(plot);
    plot.setFocus();
    QTest::keyClick(&plot, Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(QApplication::clipboard()->text(), plot.table().csv());
    QTest::keyClick(&plot, Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QApplication::clipboard()->pixmap().width(), 800);
  }
};

QTEST_MAIN(TestPlots)
#include "test_plots.moc"
