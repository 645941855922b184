#include "ui/plot/bar_plot.h"

#include <qcustomplot.h>

namespace bsbr {

BarPlot::BarPlot(QWidget* parent) : Plot(parent) {
  setLegendAbove(2);
}

void BarPlot::setBars(const QStringList& names, std::vector<BarPart> parts) {
  names_ = names;
  parts_ = std::move(parts);
  draw();
  extentChanged();
  showEmptyText(extent().isEmpty());
  plot().xAxis->grid()->setVisible(false);
}

void BarPlot::restyle(const PlotColors& colors) {
  Plot::restyle(colors);
  draw();
}

void BarPlot::draw() {
  const PlotColors colors = this->colors();
  plot().clearPlottables();
  auto ticker = QSharedPointer<QCPAxisTickerText>::create();
  for (int i = 0; i < names_.size(); ++i) ticker->addTick(i, names_[i]);
  plot().xAxis->setTicker(ticker);
  plot().xAxis->grid()->setVisible(false);
  QCPBars* below = nullptr;
  for (const BarPart& part : parts_) {
    auto* bars = new QCPBars(plot().xAxis, plot().yAxis);
    bars->setName(part.name);
    bars->setWidth(0.6);
    bars->setPen(QPen(colors.background(), 1));
    bars->setBrush(colors.series(part.color));
    for (std::size_t i = 0; i < part.values.size(); ++i)
      bars->addData(static_cast<double>(i), part.values[i]);
    if (below != nullptr) bars->moveAbove(below);
    below = bars;
  }
  showLegend(parts_.size() > 1 && !names_.empty());
  replotSoon();
}

QRectF BarPlot::extent() const {
  double highest = 0;
  for (qsizetype i = 0; i < names_.size(); ++i) {
    double sum = 0;
    for (const BarPart& part : parts_) sum += part.values[static_cast<std::size_t>(i)];
    highest = std::max(highest, sum);
  }
  if (!(highest > 0)) return {};
  return {QPointF(-0.5, 0), QPointF(static_cast<double>(names_.size()) - 0.5, highest * 1.08)};
}

PlotTable BarPlot::table() const {
  PlotTable table;
  table.header << tr("bar");
  for (const BarPart& part : parts_) table.header << part.name;
  table.names = names_;
  for (qsizetype i = 0; i < names_.size(); ++i) {
    std::vector<double> row{static_cast<double>(i)};
    for (const BarPart& part : parts_) row.push_back(part.values[static_cast<std::size_t>(i)]);
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace bsbr
