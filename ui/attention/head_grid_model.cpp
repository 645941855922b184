#include "ui/attention/head_grid_model.h"

#include "ui/attention/token_text.h"

namespace bsbr {

HeadGridModel::HeadGridModel(const AttentionScene& scene, QObject* parent)
    : QAbstractTableModel(parent), scene_(scene) {
  reset();
}

int HeadGridModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : layers_;
}

int HeadGridModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : heads_;
}

QVariant HeadGridModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || !scene_.capture()) return {};
  const auto name = tr("Layer %1, head %2").arg(index.row()).arg(index.column());
  switch (role) {
    case Qt::DecorationRole: {
      const QImage& image = images_[place(index)];
      return image.isNull() ? QVariant() : image;
    }
    case Qt::AccessibleTextRole:
      return name;
    case Qt::ToolTipRole: {
      const HeadPlan plan = scene_.capture()->plan(index.row(), index.column());
      QString words = name + '\n';
      if (plan.retrieve == 0)
        words += tr("retrieves nothing");
      else if (plan.retrieve >= scene_.tokens())
        words += tr("reads everything exactly");
      else if (plan.threshold > 0)
        words += tr("retrieves at most %1 tokens, where the score exceeds %2")
                     .arg(count_text(plan.retrieve), weight_text(plan.threshold));
      else
        words += tr("retrieves %1 tokens").arg(count_text(plan.retrieve));
      return words + '\n' +
             (plan.states ? tr("the rest through condensed states") : tr("the rest is dropped"));
    }
    default:
      return {};
  }
}

QVariant HeadGridModel::headerData(int section, Qt::Orientation /*orientation*/, int role) const {
  if (role == Qt::DisplayRole) return section;
  return {};
}

void HeadGridModel::setImage(const QModelIndex& index, const QImage& image) {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return;
  images_[place(index)] = image;
  Q_EMIT dataChanged(index, index, {Qt::DecorationRole});
}

bool HeadGridModel::hasImage(const QModelIndex& index) const {
  return index.isValid() && !images_[place(index)].isNull();
}

void HeadGridModel::reset() {
  const int layers = scene_.capture() ? static_cast<int>(scene_.capture()->layers()) : 0;
  const int heads = scene_.capture() ? static_cast<int>(scene_.capture()->heads()) : 0;
  if (layers == layers_ && heads == heads_) {
    for (QImage& image : images_) image = {};
    if (layers > 0) Q_EMIT dataChanged(index(0, 0), index(layers - 1, heads - 1), {Qt::DecorationRole});
    return;
  }
  beginResetModel();
  layers_ = layers;
  heads_ = heads;
  images_.assign(static_cast<std::size_t>(layers) * static_cast<std::size_t>(heads), {});
  endResetModel();
}

}  // namespace bsbr
