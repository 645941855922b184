#pragma once

#include <QRectF>
#include <QWidget>

#include "ui/plot/plot_colors.h"
#include "ui/plot/plot_table.h"

class QCustomPlot;
class QLabel;
class QMenu;

namespace bsbr {

/// The base of every plot: follows the palette and the font, zooms by wheel and + -, pans by drag and arrow
/// keys, shows everything again on a double click or Home. Its context menu, and keys while it has the focus,
/// copy it, save it as PNG, SVG or PDF, and its data as CSV. Callers of its headers need not see QCustomPlot.
class Plot : public QWidget {
  Q_OBJECT

 public:
  explicit Plot(QWidget* parent = nullptr);
  Plot(const Plot&) = delete;
  Plot& operator=(const Plot&) = delete;
  ~Plot() override;

  /// What it shows: its accessible name, and the name of saved files.
  void setName(const QString& name);
  /// What the axes stand for, with the unit.
  void setAxisTitles(const QString& x, const QString& y);
  /// Shown in the middle while there is nothing else; empty: nothing.
  void setEmptyText(const QString& text);

  /// The visible part, in the axes' units; y grows from top() to bottom().
  [[nodiscard]] QRectF view() const;
  void setView(const QRectF& view);
  /// Shows all.
  void resetView();

  [[nodiscard]] virtual PlotTable table() const = 0;
  void copyPicture();
  void copyData() const;
  /// By the name's suffix: png, svg, pdf or csv. Returns what went wrong, or nothing.
  QString saveAs(const QString& path);
  /// Asks for a name.
  void askAndSave();

  /// Where it is drawn, for tests and tools.
  [[nodiscard]] QWidget* canvas() const;
  /// Between a place on the canvas and the axes' units.
  [[nodiscard]] QPointF toAxes(const QPointF& pixel) const;
  [[nodiscard]] QPointF toPixel(const QPointF& axes) const;
  /// Where the data are drawn on the canvas, inside the axes.
  [[nodiscard]] QRect dataRect() const;

  [[nodiscard]] QSize sizeHint() const override { return {360, 280}; }
  [[nodiscard]] QSize minimumSizeHint() const override { return {140, 110}; }

 Q_SIGNALS:
  void viewChanged(const QRectF& view);
  void hovered(const QPointF& at);  ///< the mouse is over the data, in the axes' units
  void left();                      ///< … and no longer is
  void clicked(const QPointF& at);
  /// For an error bar: a file could not be written.
  void failed(const QString& message);

 protected:
  /// Everything that the plot shows, in the axes' units; an empty rectangle while there is nothing.
  [[nodiscard]] virtual QRectF extent() const = 0;
  /// Takes the colours; called before anything is shown and whenever the palette or font change.
  virtual void restyle(const PlotColors& colors);
  /// Keeps a visible part within what makes sense.
  [[nodiscard]] virtual QRectF limited(const QRectF& view) const { return view; }
  /// Numbers on the y axis grow downwards (y is stored negated), and both axes count things: ticks are whole.
  void setCounting();
  [[nodiscard]] double stored(double y) const { return downwards_ ? -y : y; }

  [[nodiscard]] QCustomPlot& plot() const { return *plot_; }
  [[nodiscard]] PlotColors colors() const { return PlotColors(palette()); }
  void replotSoon();
  /// Whether the text that stands in for data is shown.
  void showEmptyText(bool show);
  /// Puts the legend in rows of `columns` above the data, where it hides nothing.
  void setLegendAbove(int columns);
  void showLegend(bool show);
  /// To be called when the extent has changed: a view of everything stays one.
  void extentChanged();

  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void makeActions();
  void applyStyle();
  void fitTicks();
  void zoom(double factor, const QPointF& around);
  void onRangeChanged();

  QCustomPlot* plot_;
  QMenu* menu_;
  QLabel* empty_text_;
  QPoint pressed_at_;
  bool downwards_ = false;
  bool shows_all_ = true;
  bool setting_view_ = false;
};

}  // namespace bsbr
