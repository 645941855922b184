#pragma once

#include <QAbstractListModel>
#include <vector>

#include "engine/checkpoint/hub_cache.h"

namespace bsbr {

/// Checkpoints that can be opened: the demo, recent ones, those in the local hub cache.
class CheckpointListModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role {
    SourceRole = Qt::UserRole,  ///< what Controller::open() takes; empty: it cannot be opened
    DemoRole                    ///< whether it is the demo, for Controller::openDemo()
  };
  static constexpr int kMostRecent = 9;

  explicit CheckpointListModel(QObject* parent = nullptr);

  /// The newest first.
  [[nodiscard]] const QStringList& recent() const { return recent_; }
  void setRecent(const QStringList& recent);
  /// Puts it first.
  void remember(const QString& source);
  void setHub(std::vector<HubModel> models);

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
  [[nodiscard]] Qt::ItemFlags flags(const QModelIndex& index) const override;

 Q_SIGNALS:
  void recentChanged();

 private:
  struct Row {
    QString title, source, tip;
    bool usable = true;
  };
  void rebuild();

  QString demo_;
  QStringList recent_;
  std::vector<HubModel> hub_;
  std::vector<Row> rows_;
};

}  // namespace bsbr
