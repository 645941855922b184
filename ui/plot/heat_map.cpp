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
  return {QPen(QColor(0, 0, 0, 130), width + 1.4), QPen(QColor(255, 255, 255, 235), width, style)};
}

QCPColorGradient gradient(const std::vector<ColorStop>& stops) {
  QCPColorGradient result;
  QMap<double, QColor> colors;
  for (const ColorStop& stop : stops) colors.insert(stop.position, stop.color);
  result.setColorStops(colors);
  result.setNanHandling(QCPColorGradient::nhTransparent);
  return result;
}

double signed_log(double value, double from) {
  return std::copysign(std::log10(std::max(std::abs(value), from) / from), value);
}

QSharedPointer<QCPAxisTicker> ticker_of(const HeatScale& scale) {
  if (scale.signed_from > 0 || scale.logarithmic) {
    auto ticker = QSharedPointer<QCPAxisTickerText>::create();
    const double from = scale.logarithmic ? scale.low : scale.signed_from;
    const auto add = [&](double value) {
      ticker->addTick(scale.logarithmic ? value : signed_log(value, from), QLocale().toString(value, 'g', 3));
    };
    // Every second power of ten where there are many.
    const int decades = qRound(std::log10(scale.high / from));
    const int step = decades > 3 ? 2 : 1;
    for (int i = decades % step; i <= decades; i += step) {
      const double value = std::pow(10.0, std::round(std::log10(scale.high)) - (decades - i));
      if (!scale.logarithmic && value <= from * 1.01) continue;
      add(scale.logarithmic ? std::max(value, scale.low) : value);
      if (!scale.logarithmic) add(-value);
    }
    if (!scale.logarithmic) ticker->addTick(0, "0");
    return ticker;
  }
  auto ticker = QSharedPointer<QCPAxisTicker>::create();
  ticker->setTickCount(4);
  return ticker;
}

}  // namespace

HeatMap::HeatMap(QWidget* parent)
    : Plot(parent),
      map_(new QCPColorMap(plot().xAxis, plot().yAxis)),
      over_(new QCPColorMap(plot().xAxis, plot().yAxis)),
      scale_(new QCPColorScale(&plot())) {
  setCounting();
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
  rect->setMinimumMargins({4, 6, 18, 4});
  scale_->setMinimumMargins({0, 0, 0, 2});
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
  HeatMap::restyle(colors());
}

void HeatMap::setExtent(const QRectF& extent) {
  if (extent == extent_) return;
  extent_ = extent;
  cursor_.reset();
  resetView();
}

void HeatMap::setGrid(HeatGrid grid) {
  grid_ = std::move(grid);
  fillMap();
  replotSoon();
}

void HeatMap::setOverlay(HeatGrid overlay) {
  overlay_ = std::move(overlay);
  over_->setVisible(overlay_.columns > 0);
  fill(over_, overlay_, [](double value) { return value; });
  replotSoon();
}

void HeatMap::fillMap() {
  fill(map_, grid_, [this](double value) {
    if (heat_scale_.signed_from > 0) return signed_log(value, heat_scale_.signed_from);
    return heat_scale_.logarithmic ? std::max(heat_scale_.low, value) : value;
  });
}

template <class Shown>
void HeatMap::fill(QCPColorMap* map, const HeatGrid& grid, Shown shown) {
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
        cells->setCell(column, grid.rows - 1 - row, std::isnan(value) ? value : shown(value));
      }
    }
  }
  map->setData(cells);
}

void HeatMap::setScale(const HeatScale& scale, const QString& title) {
  const bool same_cells = heat_scale_.logarithmic == scale.logarithmic &&
                          heat_scale_.signed_from == scale.signed_from &&
                          (!scale.logarithmic || heat_scale_.low == scale.low);
  heat_scale_ = scale;
  const auto type = scale.logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear;
  const auto shown = [&](double value) {
    return scale.signed_from > 0 ? signed_log(value, scale.signed_from) : value;
  };
  const QCPRange range(shown(scale.low), shown(scale.high));
  scale_->setDataScaleType(type);
  map_->setDataScaleType(type);
  scale_->setDataRange(range);
  map_->setDataRange(range);
  QCPAxis* axis = scale_->axis();
  axis->setTicker(ticker_of(scale));
  axis->setNumberFormat("gb");
  axis->setNumberPrecision(3);
  axis->setLabel(title);
  scale_->setGradient(gradient(color_stops(scale.map, colors().dark())));
  if (!same_cells) fillMap();
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
  if (chosen_row_) both({{extent_.left(), *chosen_row_}, {extent_.right(), *chosen_row_}}, contrast(1.6));
  if (cursor_) {
    const Contrast pens = contrast(0.8, Qt::DashLine);
    both({{extent_.left(), cursor_->y()}, {extent_.right(), cursor_->y()}}, pens);
    both({{cursor_->x(), extent_.top()}, {cursor_->x(), extent_.bottom()}}, pens);
  }
  if (frame_) {
    // A little inside, so that it is not cut off where the cell lies at the edge.
    const double x = frame_->width() * 0.04, y = frame_->height() * 0.04;
    const QRectF inner = frame_->adjusted(x, y, -x, -y);
    both({inner.topLeft(), inner.topRight(), inner.bottomRight(), inner.bottomLeft(), inner.topLeft()},
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
