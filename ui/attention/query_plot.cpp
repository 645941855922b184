#include "ui/attention/query_plot.h"

namespace bsbr {
namespace {

constexpr double kFaintest = 1e-7;

}  // namespace

QColor zone_color(Zone zone, const PlotColors& colors) {
  QColor color = colors.series(zone == Zone::Retrieved ? 3 : 2);
  color.setAlpha(zone == Zone::Condensed || zone == Zone::Dropped ? 0 : zone == Zone::Retrieved ? 80 : 60);
  return color;
}

QueryPlot::QueryPlot(QWidget* parent) : LinePlot(parent) {
  setName(tr("Weights of a query"));
  setAxisTitles(tr("key (token)"), tr("attention weight"));
  setLegendVisible(false);
  setLogarithmicWeights(true);
}

void QueryPlot::setLogarithmicWeights(bool logarithmic) {
  setLogarithmic(false, logarithmic);
  setYRange(logarithmic ? std::optional(std::pair(kFaintest, 1.5)) : std::nullopt);
}

void QueryPlot::setQuery(std::optional<QueryAttention> query) {
  query_ = std::move(query);
  std::vector<LineSeries> series;
  if (query_) {
    LineSeries original{tr("original"), {}, {}, {}, {}, PlotColors::kOriginal};
    LineSeries converted{tr("converted"), {}, {}, {}, {}, PlotColors::kConverted};
    for (std::size_t key = 0; key < query_->original.size(); ++key) {
      for (LineSeries* one : {&original, &converted}) one->x.push_back(static_cast<double>(key) + 0.5);
      original.y.push_back(query_->original[key]);
      converted.y.push_back(query_->converted[key]);
    }
    series = {std::move(original), std::move(converted)};
  }
  shade();
  setSeries(std::move(series));
}

void QueryPlot::shade() {
  std::vector<PlotBand> bands;
  if (query_) {
    const std::vector<Zone>& zones = query_->zones;
    for (std::size_t begin = 0; begin < zones.size();) {
      std::size_t end = begin + 1;
      while (end < zones.size() && zones[end] == zones[begin]) ++end;
      const QColor color = zone_color(zones[begin], colors());
      if (color.alpha() > 0) bands.push_back({static_cast<double>(begin), static_cast<double>(end), color});
      begin = end;
    }
  }
  setBands(std::move(bands));
}

void QueryPlot::restyle(const PlotColors& colors) {
  LinePlot::restyle(colors);
  shade();
}

PlotTable QueryPlot::table() const {
  PlotTable table{{tr("key (token)"), tr("original"), tr("converted"), tr("read exactly")}, {}, {}};
  if (!query_) return table;
  for (std::size_t key = 0; key < query_->original.size(); ++key)
    table.rows.push_back({static_cast<double>(key), query_->original[key], query_->converted[key],
                          query_->zones[key] <= Zone::Retrieved ? 1.0 : 0.0});
  return table;
}

}  // namespace bsbr
