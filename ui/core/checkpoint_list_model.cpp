#include "ui/core/checkpoint_list_model.h"

#include <QFileInfo>

#include "engine/base/error.h"
#include "engine/base/resources.h"

namespace bsbr {

CheckpointListModel::CheckpointListModel(QObject* parent) : QAbstractListModel(parent) {
  try {
    demo_ = QString::fromStdString(resource("demo").string());
  } catch (const Error&) {
    demo_.clear();  // installed without it
  }
  rebuild();
}

void CheckpointListModel::setRecent(const QStringList& recent) {
  recent_ = recent.mid(0, kMostRecent);
  rebuild();
  Q_EMIT recentChanged();
}

void CheckpointListModel::remember(const QString& source) {
  if (source == demo_) return;
  QStringList recent = recent_;
  recent.removeAll(source);
  recent.prepend(source);
  setRecent(recent);
}

void CheckpointListModel::setHub(std::vector<HubModel> models) {
  hub_ = std::move(models);
  rebuild();
}

void CheckpointListModel::rebuild() {
  beginResetModel();
  rows_.clear();
  if (!demo_.isEmpty())
    rows_.push_back({tr("Demo, a small GPT-2"), demo_, tr("The bundled checkpoint"), true});
  for (const QString& source : recent_) {
    const QFileInfo file(source);
    const bool path = file.isAbsolute();
    rows_.push_back({path ? file.fileName() : source, source,
                     path && !file.exists() ? tr("%1 is no longer there").arg(source) : source,
                     !path || file.exists()});
  }
  for (const HubModel& model : hub_) {
    const QString name = QString::fromStdString(model.name);
    if (recent_.contains(name)) continue;
    const bool complete = model.problem.empty();
    rows_.push_back(
        {complete ? name : tr("%1, incomplete").arg(name), name,
         complete ? tr("In the local hub cache")
                  : tr("Opening it fetches what is missing. %1").arg(QString::fromStdString(model.problem)),
         true});
  }
  endResetModel();
}

int CheckpointListModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

QVariant CheckpointListModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const Row& row = rows_[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole:
      return row.title;
    case Qt::ToolTipRole:
      return row.tip;
    case SourceRole:
      return row.usable ? row.source : QString();
    case DemoRole:
      return row.source == demo_;
    default:
      return {};
  }
}

Qt::ItemFlags CheckpointListModel::flags(const QModelIndex& index) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return Qt::NoItemFlags;
  const bool usable = rows_[static_cast<std::size_t>(index.row())].usable;
  return usable ? Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren
                : Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
}

}  // namespace bsbr
