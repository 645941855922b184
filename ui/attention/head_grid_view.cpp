#include "ui/attention/head_grid_view.h"

#include <QEvent>
#include <QHeaderView>
#include <QPainter>
#include <QStyledItemDelegate>

#include <algorithm>
#include <cmath>

#include "engine/analysis/attention_map.h"
#include "ui/plot/color_maps.h"
#include "ui/plot/plot_colors.h"

namespace bsbr {
namespace {

constexpr int kPixels = 48;
constexpr int kSmallest = 18, kLargest = 72;
constexpr double kFaintest = 1e-4;

class ThumbnailDelegate : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;

  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const PlotColors colors(option.palette);
    const QRect cell = option.rect.adjusted(2, 2, -2, -2);
    const QVariant image = index.data(Qt::DecorationRole);
    if (image.isValid()) {
      painter->setRenderHint(QPainter::SmoothPixmapTransform);
      painter->drawImage(cell, image.value<QImage>());
    } else {
      painter->fillRect(cell, colors.empty());
    }
    if (!option.state.testFlag(QStyle::State_Selected)) return;
    painter->setPen(QPen(option.palette.color(QPalette::Highlight), 3));
    painter->drawRect(QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -1.5));
    if (!option.state.testFlag(QStyle::State_HasFocus)) return;
    painter->setPen(QPen(colors.text(), 1, Qt::DotLine));
    painter->drawRect(QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -1.5));
  }
};

QImage picture(const AttentionMap& map, HeadGridView::Shows shows, const PlotColors& colors) {
  const bool difference = shows == HeadGridView::Shows::Difference;
  const std::vector<float>& values = difference                               ? map.difference
                                     : shows == HeadGridView::Shows::Original ? map.original
                                                                              : map.converted;
  const std::vector<QRgb> table =
      color_table(difference ? ColorMap::Diverging : ColorMap::Sequential, colors.dark());
  QImage image(static_cast<int>(map.columns), static_cast<int>(map.rows), QImage::Format_RGB32);
  for (int row = 0; row < image.height(); ++row) {
    for (int column = 0; column < image.width(); ++column) {
      const double value = values[static_cast<std::size_t>(row) * static_cast<std::size_t>(image.width()) +
                                  static_cast<std::size_t>(column)];
      if (std::isnan(value)) {
        image.setPixel(column, row, colors.empty().rgb());
        continue;
      }
      const double size =
          std::log(std::max(std::abs(value), kFaintest) / kFaintest) / std::log(1 / kFaintest);
      const double at = difference ? 0.5 + 0.5 * std::copysign(size, value) : size;
      image.setPixel(column, row, table[static_cast<std::size_t>(std::clamp(qRound(at * 255), 0, 255))]);
    }
  }
  return image;
}

}  // namespace

HeadGridView::HeadGridView(AttentionScene& scene, QWidget* parent)
    : QTableView(parent), scene_(scene), model_(new HeadGridModel(scene, this)) {
  setModel(model_);
  setItemDelegate(new ThumbnailDelegate(this));
  setSelectionMode(QAbstractItemView::SingleSelection);
  setSelectionBehavior(QAbstractItemView::SelectItems);
  setShowGrid(false);
  setFrameShape(QFrame::NoFrame);
  setTabKeyNavigation(false);
  setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  setAccessibleName(tr("Heads"));
  setToolTip(tr("A layer in each row, a head in each column; click one to look at it"));
  setAccessibleDescription(
      tr("Thumbnails of the attention of every layer and head; arrow keys move between them"));
  for (QHeaderView* header : {horizontalHeader(), verticalHeader()}) {
    header->setSectionResizeMode(QHeaderView::Fixed);
    header->setMinimumSectionSize(kSmallest);
    header->setSectionsClickable(false);
    header->setHighlightSections(true);
    header->setDefaultAlignment(Qt::AlignCenter);
  }
  setCornerButtonEnabled(false);
  connect(&scene, &AttentionScene::captureChanged, this, &HeadGridView::restart);
  connect(&scene, &AttentionScene::headChanged, this, &HeadGridView::follow);
  connect(&task_, &LatestTask::failed, &scene, &AttentionScene::failed);
  restart();
}

void HeadGridView::setShows(Shows shows) {
  if (shows == shows_) return;
  shows_ = shows;
  restart();
}

void HeadGridView::restart() {
  task_.cancel();
  model_->reset();
  fitCells();
  follow();
  next();
}

void HeadGridView::follow() {
  const QModelIndex index = model_->index(scene_.layer(), scene_.head());
  if (index.isValid() && index != currentIndex()) setCurrentIndex(index);
}

void HeadGridView::currentChanged(const QModelIndex& current, const QModelIndex& previous) {
  QTableView::currentChanged(current, previous);
  if (current.isValid()) scene_.setHead(current.row(), current.column());
}

void HeadGridView::fitCells() {
  const int columns = std::max(1, model_->columnCount());
  const int size = std::clamp(viewport()->width() / columns, kSmallest, kLargest);
  horizontalHeader()->setDefaultSectionSize(size);
  verticalHeader()->setDefaultSectionSize(size);
}

QModelIndex HeadGridView::mostWanted() const {
  QModelIndex best;
  double least = INFINITY;
  const QPointF middle = QRectF(viewport()->rect()).center();
  for (int row = 0; row < model_->rowCount(); ++row) {
    for (int column = 0; column < model_->columnCount(); ++column) {
      const QModelIndex index = model_->index(row, column);
      if (model_->hasImage(index)) continue;
      const QRect rect = visualRect(index);
      // In sight first, then what is near; row by row, since heads of a layer come cheaply together.
      const double away =
          rect.intersects(viewport()->rect()) ? row * 1e-3 : 1e3 + std::abs(rect.center().y() - middle.y());
      if (away < least) {
        least = away;
        best = index;
      }
    }
  }
  return best;
}

void HeadGridView::next() {
  if (task_.busy() || !isVisible() || !scene_.capture()) return;
  const QPersistentModelIndex index = mostWanted();
  if (!index.isValid()) return;
  const std::int64_t n = scene_.tokens();
  MapRequest request{index.row(), index.column(), {0, n, 0, n}, kPixels, kPixels};
  request.queries_per_row = 1;
  request.original = shows_ != Shows::Converted;
  request.converted = shows_ != Shows::Original;
  task_.start(
      [capture = scene_.capture(), request](const Job& job) { return attention_map(*capture, request, job); },
      [this, index](const AttentionMap& map) {
        model_->setImage(index, picture(map, shows_, PlotColors(palette())));
        next();
      });
}

void HeadGridView::scrollContentsBy(int dx, int dy) {
  QTableView::scrollContentsBy(dx, dy);
  next();
}

void HeadGridView::resizeEvent(QResizeEvent* event) {
  QTableView::resizeEvent(event);
  fitCells();
}

void HeadGridView::showEvent(QShowEvent* event) {
  QTableView::showEvent(event);
  next();
}

void HeadGridView::hideEvent(QHideEvent* event) {
  task_.cancel();
  QTableView::hideEvent(event);
}

void HeadGridView::changeEvent(QEvent* event) {
  QTableView::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && model_ != nullptr) restart();
}

}  // namespace bsbr
