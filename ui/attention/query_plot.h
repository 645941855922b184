#pragma once

#include <optional>

#include "engine/analysis/attention_map.h"
#include "ui/attention/attention_scene.h"
#include "ui/plot/line_plot.h"

namespace bsbr {

/// Colours of zones, to be laid over a background.
QColor zone_color(Zone zone, const PlotColors& colors);

/// One query's weights over all keys, original and converted, with the zones of the converted shaded.
class QueryPlot : public LinePlot {
  Q_OBJECT

 public:
  explicit QueryPlot(QWidget* parent = nullptr);

  void setQuery(std::optional<QueryAttention> query);
  void setLogarithmicWeights(bool logarithmic);
  [[nodiscard]] const std::optional<QueryAttention>& query() const { return query_; }
  [[nodiscard]] PlotTable table() const override;

 protected:
  void restyle(const PlotColors& colors) override;

 private:
  void shade();

  std::optional<QueryAttention> query_;
};

}  // namespace bsbr
