#include "ui/plot/heat_map.h"

#include <QKeyEvent>

#include <qcustomplot.h>

#include <cmath>

namespace bsbr {
namespace {

/// Visible, however dark or light the map is below.
struct Contrast {
  QPen below, above;
};

Contrast contrast(double width, Qt::PenStyle style = Qt::SolidLine) {
  return {QPen(QColor(0, 0, 0, 150), width + 1.6), QPen(QColor(255, 255, 255, 235), width, style)};
}

QCPColorGradient gradient(const std::vector<ColorStop>& stops) {
  QCPColorGradient result;
  QMap<double, QColor> colors;
  for (const ColorStop& stop : stops) colors.insert(stop.position, stop.color);
  result.setColorStops(colors);
  result.setNanHandling(QCPColorGradient::nhTransparent);
  return result;
}

}  // namespace

HeatMap::HeatMap(QWidget* parent)
    : Plot(parent),
      map_(new QCPColorMap(plot().xAxis, plot().yAxis)),
      over_(new QCPColorMap(plot().xAxis, plot().yAxis)),
      scale_(new QCPColorScale(&plot())) {
  setDownwards();
  for (QCPColorMap* map : {map_, over_}) {
    map->setInterpolate(false);
    map->setTightBoundary(false);
    map->setAntialiased(false);
  }
  over_->setVisible(false);
  over_->setDataRange({0, 1});
  QCPAxisRect* rect = plot().axisRect();
  rect->setupFullAxesBox();
  rect->axis(QCPAxis::atTop)->setVisible(false);
  rect->axis(QCPAxis::atRight)->setVisible(false);
  rect->setMinimumMargins({4, 6, 10, 4});
  scale_->setType(QCPAxis::atBottom);
  scale_->setBarWidth(8);
  scale_->setRangeDrag(false);
  scale_->setRangeZoom(false);
  plot().plotLayout()->addElement(1, 0, scale_);
  plot().plotLayout()->setRowSpacing(2);
  auto* sides = new QCPMarginGroup(&plot());
  for (QCPLayoutElement* element :
       {static_cast<QCPLayoutElement*>(rect), static_cast<QCPLayoutElement*>(scale_)})
    element->setMarginGroup(QCP::msLeft | QCP::msRight, sides);
  for (QCPAxis* axis : {plot().xAxis, plot().yAxis}) axis->grid()->setVisible(false);
  map_->setColorScale(scale_);
  restyle(colors());
}

void HeatMap::setExtent(const QRectF& extent) {
  if (extent == extent_) return;
  extent_ = extent;
  cursor_.reset();
  resetView();
}

void HeatMap::setGrid(HeatGrid grid) {
  grid_ = std::move(grid);
  fill(map_, grid_, heat_scale_.logarithmic ? heat_scale_.low : -INFINITY);
  replotSoon();
}

void HeatMap::setOverlay(HeatGrid overlay) {
  overlay_ = std::move(overlay);
  over_->setVisible(overlay_.columns > 0);
  fill(over_, overlay_, -INFINITY);
  replotSoon();
}

void HeatMap::fill(QCPColorMap* map, const HeatGrid& grid, double low) {
  auto* cells = new QCPColorMapData(std::max(1, grid.columns), std::max(1, grid.rows), {0, 1}, {0, 1});
  cells->fill(NAN);
  if (grid.columns > 0 && grid.rows > 0) {
    // Ranges go from the first to the last cell's middle.
    const double width = grid.extent.width() / grid.columns;
    const double height = grid.extent.height() / grid.rows;
    cells->setRange({grid.extent.left() + width / 2, grid.extent.right() - width / 2},
                    {-grid.extent.bottom() + height / 2, -grid.extent.top() - height / 2});
    for (int row = 0; row < grid.rows; ++row) {
      const float* from =
          grid.values.data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.columns);
      for (int column = 0; column < grid.columns; ++column) {
        const double value = from[column];
        cells->setCell(column, grid.rows - 1 - row, std::isnan(value) ? value : std::max(low, value));
      }
    }
  }
  map->setData(cells);
}

void HeatMap::setScale(const HeatScale& scale, const QString& title) {
  heat_scale_ = scale;
  const bool changes = (scale_->dataScaleType() == QCPAxis::stLogarithmic) != scale.logarithmic;
  scale_->setDataRange({scale.low, scale.high});
  scale_->setDataScaleType(scale.logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
  map_->setDataScaleType(scale.logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
  map_->setDataRange({scale.low, scale.high});
  QCPAxis* axis = scale_->axis();
  if (scale.logarithmic) {
    axis->setTicker(QSharedPointer<QCPAxisTickerLog>::create());
    axis->setNumberFormat("eb");
    axis->setNumberPrecision(0);
  } else {
    auto ticker = QSharedPointer<QCPAxisTicker>::create();
    ticker->setTickCount(4);
    axis->setTicker(ticker);
    axis->setNumberFormat("g");
    axis->setNumberPrecision(3);
  }
  axis->setLabel(title);
  scale_->setGradient(gradient(color_stops(scale.map, colors().dark())));
  if (changes) setGrid(std::move(grid_));
  replotSoon();
}

void HeatMap::setLines(std::vector<HeatLine> lines) {
  lines_ = std::move(lines);
  drawItems();
}

void HeatMap::setFrame(std::optional<QRectF> frame) {
  frame_ = frame;
  drawItems();
}

void HeatMap::setCursorAt(std::optional<QPointF> at) {
  if (at == cursor_) return;
  cursor_ = at;
  drawItems();
}

void HeatMap::setChosenRow(std::optional<double> y) {
  chosen_row_ = y;
  drawItems();
}

void HeatMap::drawItems() {
  plot().clearItems();
  const auto segment = [&](const QPointF& from, const QPointF& to, const QPen& pen) {
    auto* line = new QCPItemLine(&plot());
    line->start->setCoords(from.x(), stored(from.y()));
    line->end->setCoords(to.x(), stored(to.y()));
    line->setPen(pen);
    line->setClipToAxisRect(true);
  };
  const auto both = [&](const std::vector<QPointF>& points, const Contrast& pens) {
    for (const QPen& pen : {pens.below, pens.above})
      for (std::size_t i = 1; i < points.size(); ++i) segment(points[i - 1], points[i], pen);
  };
  for (const HeatLine& line : lines_)
    both(line.points, contrast(1, line.dashed ? Qt::DashLine : Qt::SolidLine));
  if (chosen_row_) both({{extent_.left(), *chosen_row_}, {extent_.right(), *chosen_row_}}, contrast(1.2));
  if (cursor_) {
    const Contrast pens = contrast(0.8);
    both({{extent_.left(), cursor_->y()}, {extent_.right(), cursor_->y()}}, pens);
    both({{cursor_->x(), extent_.top()}, {cursor_->x(), extent_.bottom()}}, pens);
  }
  if (frame_) {
    both({frame_->topLeft(), frame_->topRight(), frame_->bottomRight(), frame_->bottomLeft(),
          frame_->topLeft()},
         contrast(2));
  }
  replotSoon();
}

float HeatMap::valueAt(const QPointF& at) const {
  if (grid_.columns == 0 || !grid_.extent.contains(at)) return NAN;
  const auto cell = [](double offset, double length, int count) {
    return std::clamp(static_cast<int>(offset / length * count), 0, count - 1);
  };
  const int column = cell(at.x() - grid_.extent.left(), grid_.extent.width(), grid_.columns);
  const int row = cell(at.y() - grid_.extent.top(), grid_.extent.height(), grid_.rows);
  return grid_.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid_.columns) +
                      static_cast<std::size_t>(column)];
}

QRectF HeatMap::limited(const QRectF& view) const {
  if (!extent_.isValid()) return view;
  const double width =
      std::clamp(view.width(), std::min(extent_.width(), 4 * step_.width()), extent_.width());
  const double height =
      std::clamp(view.height(), std::min(extent_.height(), 4 * step_.height()), extent_.height());
  const double x = std::clamp(view.center().x() - width / 2, extent_.left(), extent_.right() - width);
  const double y = std::clamp(view.center().y() - height / 2, extent_.top(), extent_.bottom() - height);
  return {x, y, width, height};
}

void HeatMap::restyle(const PlotColors& colors) {
  Plot::restyle(colors);
  plot().axisRect()->setBackground(QBrush(colors.empty()));
  QCPAxis* axis = scale_->axis();
  axis->setTickLabelColor(colors.text());
  axis->setLabelColor(colors.text());
  axis->setTickLabelFont(plot().xAxis->tickLabelFont());
  axis->setLabelFont(plot().xAxis->labelFont());
  axis->setBasePen(QPen(colors.faint()));
  axis->setTickPen(QPen(colors.faint()));
  axis->setSubTickPen(QPen(colors.faint()));
  axis->setLabelPadding(2);
  scale_->setGradient(gradient(color_stops(heat_scale_.map, colors.dark())));
  QColor none(255, 255, 255, 0), full(255, 255, 255, 110);
  over_->setGradient(gradient({{0, none}, {1, full}}));
}

void HeatMap::keyPressEvent(QKeyEvent* event) {
  if (event->modifiers().testFlag(Qt::ShiftModifier) || !extent_.isValid()) return Plot::keyPressEvent(event);
  QPointF at = cursor_.value_or(view().center());
  // At least a pixel, however much is shown.
  const double x = std::max(step_.width(), view().width() / std::max(1, dataRect().width()));
  const double y = std::max(step_.height(), view().height() / std::max(1, dataRect().height()));
  switch (event->key()) {
    case Qt::Key_Left:
      at.rx() -= x;
      break;
    case Qt::Key_Right:
      at.rx() += x;
      break;
    case Qt::Key_Up:
      at.ry() -= y;
      break;
    case Qt::Key_Down:
      at.ry() += y;
      break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space:
      if (cursor_) Q_EMIT clicked(*cursor_);
      return;
    default:
      return Plot::keyPressEvent(event);
  }
  at.setX(std::clamp(at.x(), extent_.left(), std::nextafter(extent_.right(), extent_.left())));
  at.setY(std::clamp(at.y(), extent_.top(), std::nextafter(extent_.bottom(), extent_.top())));
  setCursorAt(at);
  Q_EMIT cursorMoved(at);
}

PlotTable HeatMap::table() const {
  PlotTable table;
  table.header << plot().yAxis->label() + tr(" (middle)") << plot().xAxis->label() + tr(" (middle)")
               << scale_->axis()->label();
  for (int row = 0; row < grid_.rows; ++row) {
    for (int column = 0; column < grid_.columns; ++column) {
      const float value =
          grid_.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid_.columns) +
                       static_cast<std::size_t>(column)];
      if (std::isnan(value)) continue;
      table.rows.push_back({grid_.extent.top() + (row + 0.5) * grid_.extent.height() / grid_.rows,
                            grid_.extent.left() + (column + 0.5) * grid_.extent.width() / grid_.columns,
                            value});
    }
  }
  return table;
}

}  // namespace bsbr
