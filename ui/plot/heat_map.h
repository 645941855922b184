#pragma once

#include <memory>
#include <optional>

#include "ui/plot/color_maps.h"
#include "ui/plot/plot.h"

class QCPColorMap;
class QCPColorScale;
class QCPItemStraightLine;

namespace bsbr {

/// Values over a rectangle, the first row at its top. NaN: nothing is shown.
struct HeatGrid {
  int columns = 0;
  int rows = 0;
  std::vector<float> values;  ///< [rows, columns]
  QRectF extent;              ///< in the axes' units; y grows downwards
};

/// How values become colours.
struct HeatScale {
  ColorMap map = ColorMap::Sequential;
  double low = 0, high = 1;
  bool logarithmic = false;
  /// Above 0: values of either sign are shown by their logarithm, from this magnitude on; what is less is 0.
  double signed_from = 0;
};

/// A line of the grid's points, e.g. where a zone ends.
struct HeatLine {
  std::vector<QPointF> points;
  bool dashed = false;
};

/// A map of colours with a scale below, y growing downwards, and a cursor that follows the mouse or the arrow
/// keys (Shift and arrows pan; Return is a click).
class HeatMap : public Plot {
  Q_OBJECT

 public:
  explicit HeatMap(QWidget* parent = nullptr);

  /// Where y and x can be; the grid may show a part of it.
  void setExtent(const QRectF& extent);
  void setGrid(HeatGrid grid);
  void setScale(const HeatScale& scale, const QString& title);
  /// Laid over the grid: 0 not at all, 1 as strong as it gets; an empty one: none.
  void setOverlay(HeatGrid overlay);
  void setLines(std::vector<HeatLine> lines);
  /// A frame around a cell or region, or none.
  void setFrame(std::optional<QRectF> frame);
  /// A cross, or none; and one step of the arrow keys, in the axes' units.
  void setCursorAt(std::optional<QPointF> at);
  void setStep(const QSizeF& step) { step_ = step; }
  /// A line through a row that was chosen, or none.
  void setChosenRow(std::optional<double> y);

  [[nodiscard]] const HeatGrid& grid() const { return grid_; }
  /// NaN outside the grid.
  [[nodiscard]] float valueAt(const QPointF& at) const;
  [[nodiscard]] PlotTable table() const override;

 Q_SIGNALS:
  /// The cursor was moved by keys.
  void cursorMoved(const QPointF& at);

 protected:
  [[nodiscard]] QRectF extent() const override { return extent_; }
  [[nodiscard]] QRectF limited(const QRectF& view) const override;
  void restyle(const PlotColors& colors) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  template <class Shown>
  void fill(QCPColorMap* map, const HeatGrid& grid, Shown shown);
  void fillMap();
  void drawItems();

  QRectF extent_;
  HeatGrid grid_, overlay_;
  HeatScale heat_scale_;
  std::vector<HeatLine> lines_;
  std::optional<QRectF> frame_;
  std::optional<QPointF> cursor_;
  std::optional<double> chosen_row_;
  QSizeF step_{1, 1};
  QCPColorMap* map_;
  QCPColorMap* over_;
  QCPColorScale* scale_;
};

}  // namespace bsbr
