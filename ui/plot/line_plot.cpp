#include "ui/plot/line_plot.h"

#include <qcustomplot.h>

#include <cmath>

namespace bsbr {
namespace {

constexpr double kHitPixels = 10;

constexpr double kManyDecades = 3000;

/// Numbers of everyday size are written out, and few decades are marked at 1, 2 and 5.
class PlainLogTicker : public QCPAxisTickerLog {
 protected:
  QVector<double> createTickVector(double step, const QCPRange& range) override {
    if (!(range.lower > 0) || range.upper / range.lower > kManyDecades)
      return QCPAxisTickerLog::createTickVector(step, range);
    QVector<double> ticks;
    const int first = static_cast<int>(std::floor(std::log10(range.lower)));
    const int last = static_cast<int>(std::floor(std::log10(range.upper)));
    for (int decade = first; decade <= last; ++decade) {
      for (const int factor : {1, 2, 5}) {
        const double tick = factor * std::pow(10, decade);
        if (tick >= range.lower && tick <= range.upper) ticks.push_back(tick);
      }
    }
    return ticks.size() < 2 ? QCPAxisTickerLog::createTickVector(step, range) : ticks;
  }
  int getSubTickCount(double /*step*/) override { return 0; }
  QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override {
    if (tick < 1e-4 || tick >= 1e6) return QCPAxisTickerLog::getTickLabel(tick, locale, format, precision);
    return locale.toString(tick, 'g', 6);
  }
};

void set_scale(QCPAxis* axis, bool logarithmic) {
  axis->setScaleType(logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
  axis->setTicker(QSharedPointer<QCPAxisTicker>(logarithmic ? new PlainLogTicker : new QCPAxisTicker));
  axis->setNumberFormat(logarithmic ? "gb" : "g");
  axis->setNumberPrecision(logarithmic ? 0 : 5);
}

/// Smallest and largest value that an axis can show, with a margin; nothing if there is none.
class Bounds {
 public:
  explicit Bounds(bool logarithmic) : logarithmic_(logarithmic) {}
  void add(double value) {
    if (!std::isfinite(value) || (logarithmic_ && value <= 0)) return;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  [[nodiscard]] bool empty() const { return low_ > high_; }
  [[nodiscard]] QCPRange range(double margin) const {
    if (logarithmic_) {
      const double factor = high_ > low_ ? std::pow(high_ / low_, margin) : 2;
      return {low_ / factor, high_ * factor};
    }
    const double more = high_ > low_ ? (high_ - low_) * margin : std::max(1e-12, std::abs(low_) * 0.1);
    return {low_ - more, high_ + more};
  }

 private:
  bool logarithmic_;
  double low_ = INFINITY, high_ = -INFINITY;
};

}  // namespace

LinePlot::LinePlot(QWidget* parent) : Plot(parent) {
  setLegendAbove(2);
  connect(this, &Plot::clicked, this, [this](const QPointF& at) {
    const QPointF wanted = toPixel(at);
    double nearest = kHitPixels;
    std::pair<int, int> hit{-1, -1};
    for (std::size_t s = 0; s < series_.size(); ++s) {
      for (std::size_t i = 0; i < series_[s].x.size(); ++i) {
        const QPointF away = toPixel({series_[s].x[i], series_[s].y[i]}) - wanted;
        const double distance = std::hypot(away.x(), away.y());
        if (distance < nearest) {
          nearest = distance;
          hit = {static_cast<int>(s), static_cast<int>(i)};
        }
      }
    }
    if (hit.first >= 0) Q_EMIT pointClicked(hit.first, hit.second);
  });
}

void LinePlot::setSeries(std::vector<LineSeries> series) {
  series_ = std::move(series);
  draw();
  extentChanged();
  showEmptyText(extent().isEmpty());
}

void LinePlot::setXTicks(const std::vector<double>& ticks) {
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  for (const double tick : ticks) ticker->addTick(tick, QLocale().toString(tick, 'f', 0));
  plot().xAxis->setTicker(ticker);
  replotSoon();
}

void LinePlot::setLogarithmic(bool x, bool y) {
  log_x_ = x;
  log_y_ = y;
  set_scale(plot().xAxis, x);
  set_scale(plot().yAxis, y);
  draw();
  resetView();
}

void LinePlot::setYRange(std::optional<std::pair<double, double>> range) {
  y_range_ = std::move(range);
  extentChanged();
}

void LinePlot::setBands(std::vector<PlotBand> bands) {
  bands_ = std::move(bands);
  draw();
}

void LinePlot::setMarker(std::optional<double> x) {
  marker_ = x;
  draw();
}

void LinePlot::setLegendColumns(int columns) {
  plot().legend->setWrap(columns);
  draw();
}

void LinePlot::setLegendVisible(bool visible) {
  legend_ = visible;
  draw();
}

void LinePlot::restyle(const PlotColors& colors) {
  Plot::restyle(colors);
  draw();
}

void LinePlot::draw() {
  const PlotColors colors = this->colors();
  plot().clearPlottables();
  plot().clearItems();
  for (const PlotBand& band : bands_) {
    auto* rect = new QCPItemRect(&plot());
    rect->setLayer("background");
    for (QCPItemPosition* corner : {rect->topLeft, rect->bottomRight}) {
      corner->setTypeX(QCPItemPosition::ptPlotCoords);
      corner->setTypeY(QCPItemPosition::ptAxisRectRatio);
      corner->setAxisRect(plot().axisRect());
    }
    rect->topLeft->setCoords(band.from, 0);
    rect->bottomRight->setCoords(band.to, 1);
    rect->setPen(Qt::NoPen);
    rect->setBrush(band.color);
  }
  if (marker_) {
    auto* line = new QCPItemStraightLine(&plot());
    line->point1->setCoords(*marker_, log_y_ ? 1 : 0);
    line->point2->setCoords(*marker_, log_y_ ? 10 : 1);
    line->setPen(QPen(colors.faint(), 1, Qt::DashLine));
  }
  int in_legend = 0;
  for (const LineSeries& series : series_) {
    const QColor color = colors.series(series.color);
    QCPGraph* graph = plot().addGraph();
    graph->setName(series.name);
    graph->setLineStyle(series.joined ? QCPGraph::lsLine : QCPGraph::lsNone);
    graph->setPen(QPen(series.faint ? colors.muted() : color, series.faint ? 1 : 1.6,
                       series.dashed ? Qt::DashLine : Qt::SolidLine));
    if (series.points)
      graph->setScatterStyle(QCPScatterStyle(
          series.color == PlotColors::kOriginal ? QCPScatterStyle::ssCircle : QCPScatterStyle::ssDisc,
          QPen(color, 1.6), QBrush(color), 6));
    const auto qt = [](const std::vector<double>& values) {
      return QVector<double>(values.begin(), values.end());
    };
    QVector<double> y = qt(series.y);
    if (log_y_)
      std::replace_if(
          y.begin(), y.end(), [](double v) { return v <= 0; }, std::nan(""));
    graph->setData(qt(series.x), y);
    if (series.in_legend)
      ++in_legend;
    else
      graph->removeFromLegend();
    if (series.low.empty()) continue;
    auto* bars = new QCPErrorBars(plot().xAxis, plot().yAxis);
    bars->removeFromLegend();
    bars->setDataPlottable(graph);
    bars->setPen(QPen(color, 1.2));
    bars->setWhiskerWidth(6);
    QVector<double> below, above;
    // A graph sorts by x, and error bars go by index.
    std::vector<std::size_t> order(series.x.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return series.x[a] < series.x[b]; });
    for (const std::size_t i : order) {
      below.push_back(series.y[i] - series.low[i]);
      above.push_back(series.high[i] - series.y[i]);
    }
    bars->setData(below, above);
  }
  showLegend(legend_ && in_legend > 1);
  replotSoon();
}

QRectF LinePlot::extent() const {
  Bounds x(log_x_), y(log_y_);
  const auto add = [](Bounds& bounds, const std::vector<double>& values) {
    for (const double value : values) bounds.add(value);
  };
  for (const LineSeries& series : series_) {
    add(x, series.x);
    for (const auto* values : {&series.y, &series.low, &series.high}) add(y, *values);
  }
  if (x.empty() || y.empty()) return {};
  const bool points =
      std::any_of(series_.begin(), series_.end(), [](const LineSeries& s) { return s.points; });
  const QCPRange horizontal = x.range(points ? 0.05 : 0);
  QCPRange vertical = y.range(0.08);
  if (y_range_) vertical = {y_range_->first, y_range_->second};
  return {QPointF(horizontal.lower, vertical.lower), QPointF(horizontal.upper, vertical.upper)};
}

PlotTable LinePlot::table() const {
  PlotTable table;
  table.header << tr("series") << plot().xAxis->label() << plot().yAxis->label();
  const bool bars =
      std::any_of(series_.begin(), series_.end(), [](const LineSeries& s) { return !s.low.empty(); });
  if (bars) table.header << tr("low") << tr("high");
  for (std::size_t s = 0; s < series_.size(); ++s) {
    const LineSeries& series = series_[s];
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      std::vector<double> row{static_cast<double>(s), series.x[i], series.y[i]};
      if (bars) {
        row.push_back(series.low.empty() ? NAN : series.low[i]);
        row.push_back(series.high.empty() ? NAN : series.high[i]);
      }
      table.rows.push_back(std::move(row));
    }
  }
  for (const LineSeries& series : series_) table.names << series.name;
  return table;
}

}  // namespace bsbr
