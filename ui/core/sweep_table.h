#pragma once

#include <QAbstractTableModel>

#include "engine/conversion/sweep.h"

namespace bsbr {

/// Conversions beside each other, a row each; which no other beats is marked.
class SweepTable : public QAbstractTableModel {
  Q_OBJECT

 public:
  using QAbstractTableModel::QAbstractTableModel;

  void clear();
  void add(const SweepPoint& point);
  [[nodiscard]] const std::vector<SweepPoint>& points() const { return sweep_.points; }
  [[nodiscard]] const std::vector<bool>& pareto() const { return pareto_; }

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
  [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  Sweep sweep_{};
  std::vector<bool> pareto_;
};

}  // namespace bsbr
