#include "ui/plot/plot.h"

#include <QAction>
#include <QApplication>
#include <QContextMenuEvent>
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QMouseEvent>
#include <QVBoxLayout>
#include <QWheelEvent>

#include <qcustomplot.h>

#include <cmath>

namespace bsbr {
namespace {

constexpr double kZoomStep = 0.8;
constexpr double kPanStep = 0.1;

/// Whole numbers, of an axis whose values may be stored negated.
class CountTicker : public QCPAxisTicker {
 public:
  explicit CountTicker(bool negated) : negated_(negated) {}

 protected:
  QString getTickLabel(double tick, const QLocale& locale, QChar /*format*/, int /*precision*/) override {
    return locale.toString(qRound64(negated_ ? -tick : tick));
  }
  double getTickStep(const QCPRange& range) override {
    return std::max(1.0, std::ceil(QCPAxisTicker::getTickStep(range)));
  }
  int getSubTickCount(double step) override { return step < 5 ? 0 : QCPAxisTicker::getSubTickCount(step); }

 private:
  bool negated_;
};

constexpr int kPixelsPerTickAcross = 55;
constexpr int kPixelsPerTickDown = 40;

bool logarithmic(const QCPAxis* axis) {
  return axis->scaleType() == QCPAxis::stLogarithmic;
}

/// Lower and upper end after a zoom by `factor` around `centre`.
QCPRange zoomed(const QCPAxis* axis, double factor, double centre) {
  const QCPRange range = axis->range();
  if (logarithmic(axis)) {
    return {centre * std::pow(range.lower / centre, factor), centre * std::pow(range.upper / centre, factor)};
  }
  return {centre + (range.lower - centre) * factor, centre + (range.upper - centre) * factor};
}

}  // namespace

Plot::Plot(QWidget* parent)
    : QWidget(parent), plot_(new QCustomPlot(this)), menu_(new QMenu(this)), empty_text_(new QLabel(plot_)) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(plot_);
  setFocusPolicy(Qt::StrongFocus);
  plot_->setFocusPolicy(Qt::NoFocus);
  plot_->setMinimumSize(1, 1);
  plot_->setInteractions(QCP::iRangeDrag);
  plot_->setNoAntialiasingOnDrag(true);
  plot_->setMouseTracking(true);
  plot_->installEventFilter(this);
  for (QCPAxis* axis : {plot_->xAxis, plot_->yAxis})
    connect(axis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, &Plot::onRangeChanged);
  empty_text_->setWordWrap(true);
  empty_text_->setAlignment(Qt::AlignCenter);
  empty_text_->setAttribute(Qt::WA_TransparentForMouseEvents);
  empty_text_->setMargin(24);
  empty_text_->hide();
  auto* over_plot = new QVBoxLayout(plot_);
  over_plot->addWidget(empty_text_);
  makeActions();
  Plot::restyle(colors());
}

Plot::~Plot() = default;

void Plot::makeActions() {
  const auto add = [this](const QString& text, const QKeySequence& keys, auto run) {
    auto* action = new QAction(text, this);
    action->setShortcut(keys);
    action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    connect(action, &QAction::triggered, this, run);
    addAction(action);
    menu_->addAction(action);
  };
  add(tr("&Copy Picture"), QKeySequence::Copy, [this] { copyPicture(); });
  add(tr("Copy &Data as CSV"), tr("Ctrl+Shift+C"), [this] { copyData(); });
  add(tr("&Save as PNG, SVG, PDF or CSV…"), tr("Ctrl+Shift+S"), [this] { askAndSave(); });
  menu_->addSeparator();
  const auto middle = [this] { return QRectF(dataRect()).center(); };
  add(tr("Zoom &In"), tr("+"), [this, middle] { zoom(kZoomStep, middle()); });
  add(tr("Zoom &Out"), tr("-"), [this, middle] { zoom(1 / kZoomStep, middle()); });
  add(tr("Show &All"), tr("Home"), [this] { resetView(); });
}

void Plot::setName(const QString& name) {
  setAccessibleName(name);
}

void Plot::setAxisTitles(const QString& x, const QString& y) {
  plot_->xAxis->setLabel(x);
  plot_->yAxis->setLabel(y);
  replotSoon();
}

void Plot::setEmptyText(const QString& text) {
  empty_text_->setText(text);
  empty_text_->setVisible(!text.isEmpty());
}

void Plot::setCounting() {
  downwards_ = true;
  plot_->xAxis->setTicker(QSharedPointer<QCPAxisTicker>(new CountTicker(false)));
  plot_->yAxis->setTicker(QSharedPointer<QCPAxisTicker>(new CountTicker(true)));
}

void Plot::fitTicks() {
  plot_->xAxis->ticker()->setTickCount(std::clamp(width() / kPixelsPerTickAcross - 1, 2, 8));
  plot_->yAxis->ticker()->setTickCount(std::clamp(height() / kPixelsPerTickDown - 1, 2, 6));
}

void Plot::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  replotSoon();
}

QRectF Plot::view() const {
  const QCPRange x = plot_->xAxis->range();
  const QCPRange y = plot_->yAxis->range();
  return {QPointF(x.lower, downwards_ ? -y.upper : y.lower),
          QPointF(x.upper, downwards_ ? -y.lower : y.upper)};
}

void Plot::setView(const QRectF& view) {
  const QRectF wanted = limited(view);
  if (!(wanted.width() > 0) || !(wanted.height() > 0)) return;
  setting_view_ = true;
  plot_->xAxis->setRange(wanted.left(), wanted.right());
  plot_->yAxis->setRange(std::min(stored(wanted.top()), stored(wanted.bottom())),
                         std::max(stored(wanted.top()), stored(wanted.bottom())));
  setting_view_ = false;
  shows_all_ = wanted == extent();
  replotSoon();
  Q_EMIT viewChanged(wanted);
}

void Plot::resetView() {
  const QRectF all = extent();
  if (all.isValid()) setView(all);
  shows_all_ = true;
}

void Plot::showEmptyText(bool show) {
  empty_text_->setVisible(show && !empty_text_->text().isEmpty());
  for (QCPAxis* axis : {plot_->xAxis, plot_->yAxis}) {
    axis->setTickLabels(!show);
    axis->setTicks(!show);
    axis->grid()->setVisible(!show);
  }
}

void Plot::setLegendAbove(int columns) {
  QCPLegend* legend = plot_->legend;
  plot_->axisRect()->insetLayout()->take(legend);
  plot_->plotLayout()->insertRow(0);
  plot_->plotLayout()->addElement(0, 0, legend);
  plot_->plotLayout()->setRowStretchFactor(0, 0.001);
  plot_->plotLayout()->setRowSpacing(0);
  legend->setFillOrder(QCPLegend::foColumnsFirst);
  legend->setWrap(columns);
  legend->setBorderPen(Qt::NoPen);
  legend->setMargins(QMargins(8, 4, 8, 0));
  legend->setRowSpacing(0);
  legend->setColumnSpacing(6);
  legend->setIconSize(20, 12);
  legend->setIconTextPadding(4);
}

void Plot::showLegend(bool show) {
  plot_->legend->setVisible(show);
  plot_->legend->setMaximumSize(QWIDGETSIZE_MAX, show ? QWIDGETSIZE_MAX : 0);
}

void Plot::extentChanged() {
  if (shows_all_) resetView();
  replotSoon();
}

void Plot::onRangeChanged() {
  if (setting_view_) return;
  setView(view());
}

void Plot::zoom(double factor, const QPointF& around) {
  const double x = plot_->xAxis->pixelToCoord(around.x());
  const double y = plot_->yAxis->pixelToCoord(around.y());
  const QCPRange horizontal = zoomed(plot_->xAxis, factor, x);
  const QCPRange vertical = zoomed(plot_->yAxis, factor, y);
  if (!QCPRange::validRange(horizontal) || !QCPRange::validRange(vertical)) return;
  setView({QPointF(horizontal.lower, downwards_ ? -vertical.upper : vertical.lower),
           QPointF(horizontal.upper, downwards_ ? -vertical.lower : vertical.upper)});
}

QWidget* Plot::canvas() const {
  return plot_;
}

QPointF Plot::toAxes(const QPointF& pixel) const {
  return {plot_->xAxis->pixelToCoord(pixel.x()), stored(plot_->yAxis->pixelToCoord(pixel.y()))};
}

QPointF Plot::toPixel(const QPointF& axes) const {
  return {plot_->xAxis->coordToPixel(axes.x()), plot_->yAxis->coordToPixel(stored(axes.y()))};
}

QRect Plot::dataRect() const {
  return plot_->axisRect()->rect();
}

void Plot::replotSoon() {
  fitTicks();
  plot_->replot(QCustomPlot::rpQueuedReplot);
}

void Plot::restyle(const PlotColors& colors) {
  plot_->setBackground(QBrush(colors.background()));
  const QFont small = [this] {
    QFont font = this->font();
    if (font.pointSizeF() > 0) font.setPointSizeF(font.pointSizeF() * 0.9);
    return font;
  }();
  for (QCPAxisRect* rect : plot_->axisRects()) {
    for (QCPAxis* axis : rect->axes()) {
      axis->setBasePen(QPen(colors.faint()));
      axis->setTickPen(QPen(colors.faint()));
      axis->setSubTickPen(QPen(colors.faint()));
      axis->setTickLabelColor(colors.text());
      axis->setLabelColor(colors.text());
      axis->setTickLabelFont(small);
      axis->setLabelFont(small);
      axis->setLabelPadding(2);
      axis->setTickLabelPadding(3);
      axis->grid()->setPen(QPen(colors.grid(), 1, Qt::SolidLine));
      axis->grid()->setZeroLinePen(QPen(colors.grid(), 1, Qt::SolidLine));
    }
  }
  plot_->legend->setFont(small);
  plot_->legend->setTextColor(colors.text());
  QColor behind = colors.background();
  behind.setAlpha(215);
  plot_->legend->setBrush(behind);
  plot_->legend->setBorderPen(QPen(colors.grid()));
}

void Plot::applyStyle() {
  restyle(colors());
  replotSoon();
}

void Plot::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) applyStyle();
}

void Plot::keyPressEvent(QKeyEvent* event) {
  const QRectF now = view();
  const auto pan = [&](double x, double y) {
    setView(now.translated(x * now.width(), (downwards_ ? -y : y) * now.height()));
  };
  switch (event->key()) {
    case Qt::Key_Left:
      return pan(-kPanStep, 0);
    case Qt::Key_Right:
      return pan(kPanStep, 0);
    case Qt::Key_Up:
      return pan(0, kPanStep);
    case Qt::Key_Down:
      return pan(0, -kPanStep);
    default:
      QWidget::keyPressEvent(event);
  }
}

bool Plot::eventFilter(QObject* watched, QEvent* event) {
  if (watched != plot_) return QWidget::eventFilter(watched, event);
  switch (event->type()) {
    case QEvent::Wheel: {
      auto* wheel = static_cast<QWheelEvent*>(event);
      if (!dataRect().contains(wheel->position().toPoint()) || wheel->angleDelta().y() == 0) break;
      zoom(std::pow(kZoomStep, wheel->angleDelta().y() / 120.0), wheel->position());
      event->accept();
      return true;
    }
    case QEvent::MouseButtonPress:
      pressed_at_ = static_cast<QMouseEvent*>(event)->pos();
      setFocus(Qt::MouseFocusReason);
      break;
    case QEvent::MouseButtonRelease: {
      auto* mouse = static_cast<QMouseEvent*>(event);
      const int moved = (mouse->pos() - pressed_at_).manhattanLength();
      if (mouse->button() == Qt::LeftButton && moved < QApplication::startDragDistance() &&
          dataRect().contains(mouse->pos()) && extent().isValid())
        Q_EMIT clicked(toAxes(mouse->position()));
      break;
    }
    case QEvent::MouseButtonDblClick:
      resetView();
      break;
    case QEvent::MouseMove: {
      auto* mouse = static_cast<QMouseEvent*>(event);
      if (dataRect().contains(mouse->pos()) && extent().isValid()) {
        Q_EMIT hovered(toAxes(mouse->position()));
      } else {
        Q_EMIT left();
      }
      break;
    }
    case QEvent::Leave:
      Q_EMIT left();
      break;
    case QEvent::ContextMenu:
      menu_->popup(static_cast<QContextMenuEvent*>(event)->globalPos());
      return true;
    default:
      break;
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace bsbr
