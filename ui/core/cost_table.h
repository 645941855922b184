#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "engine/analysis/bench.h"

namespace bsbr {

/// Costs of the original (first) and the converted model over lengths, a row each.
class CostTable : public QAbstractTableModel {
  Q_OBJECT

 public:
  using QAbstractTableModel::QAbstractTableModel;

  void clear();
  void add(const BenchPoint& point);
  [[nodiscard]] const std::vector<BenchPoint>& points() const { return points_; }

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
  [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  std::vector<BenchPoint> points_;
};

}  // namespace bsbr
