#pragma once

#include <optional>

#include "ui/plot/plot.h"

namespace bsbr {

/// Points that belong together, joined or not, with error bars where `low` and `high` are given.
struct LineSeries {
  QString name;
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  ///< ends of the error bars, or empty
  int color = 0;                            ///< of PlotColors::series
  bool joined = true;
  bool points = false;
  bool dashed = false;
  bool in_legend = true;
  bool faint = false;  ///< thin and pale: behind what matters
};

/// A shaded range of x.
struct PlotBand {
  double from, to;
  QColor color;
};

/// Lines, points and error bars over linear or logarithmic axes. On a logarithmic axis only what is above 0
/// is shown.
class LinePlot : public Plot {
  Q_OBJECT

 public:
  explicit LinePlot(QWidget* parent = nullptr);

  void setSeries(std::vector<LineSeries> series);
  void setLogarithmic(bool x, bool y);
  /// What is shown of y, instead of what there is; nothing: that.
  void setYRange(std::optional<std::pair<double, double>> range);
  void setBands(std::vector<PlotBand> bands);
  /// A vertical line, or none.
  void setMarker(std::optional<double> x);
  /// Where the x axis is marked, whole numbers, until setLogarithmic() is called.
  void setXTicks(const std::vector<double>& ticks);
  /// Entries side by side; 2 unless set.
  void setLegendColumns(int columns);
  void setLegendVisible(bool visible);

  [[nodiscard]] PlotTable table() const override;

 Q_SIGNALS:
  void pointClicked(int series, int point);

 protected:
  [[nodiscard]] QRectF extent() const override;
  void restyle(const PlotColors& colors) override;

 private:
  void draw();

  std::vector<LineSeries> series_;
  std::vector<PlotBand> bands_;
  std::optional<std::pair<double, double>> y_range_;
  std::optional<double> marker_;
  bool log_x_ = false, log_y_ = false;
  bool legend_ = true;
};

}  // namespace bsbr
