#include "ui/core/sweep_table.h"

#include "ui/core/format.h"

namespace bsbr {
namespace {

enum Column { Name, Density, Kl, Top1, Cache, Columns };

}  // namespace

void SweepTable::clear() {
  beginResetModel();
  sweep_.points.clear();
  pareto_.clear();
  endResetModel();
}

void SweepTable::add(const SweepPoint& point) {
  const int row = rowCount();
  beginInsertRows({}, row, row);
  sweep_.points.push_back(point);
  pareto_.push_back(false);
  endInsertRows();
  pareto_ = sweep_.pareto();
  // A new point may beat those before.
  Q_EMIT dataChanged(index(0, Name), index(row, Name));
}

int SweepTable::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(sweep_.points.size());
}

int SweepTable::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : Columns;
}

QVariant SweepTable::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const auto at = static_cast<std::size_t>(index.row());
  const SweepPoint& point = sweep_.points[at];
  if (role == Qt::TextAlignmentRole && index.column() != Name)
    return QVariant(Qt::AlignRight | Qt::AlignVCenter);
  if (role == Qt::ToolTipRole && pareto_[at])
    return tr("No other is as good in density, KL and cache, and better in one of them");
  if (role != Qt::DisplayRole) return {};
  switch (index.column()) {
    case Name:
      return (pareto_[at] ? QStringLiteral("★ ") : QStringLiteral("   ")) +
             QString::fromStdString(point.name());
    case Density:
      return format::percent(point.fidelity.density);
    case Kl:
      return format::nats(point.fidelity.kl);
    case Top1:
      return format::percent(point.fidelity.top1_agreement);
    default:
      return format::bytes(point.cache_bytes);
  }
}

QVariant SweepTable::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= Columns) return {};
  if (role == Qt::TextAlignmentRole)
    return QVariant((section == Name ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  if (role != Qt::DisplayRole) return {};
  switch (section) {
    case Name:
      return tr("Conversion");
    case Density:
      return tr("Density");
    case Kl:
      return tr("KL (nats)");
    case Top1:
      return tr("Top-1");
    default:
      return tr("Cache");
  }
}

}  // namespace bsbr
