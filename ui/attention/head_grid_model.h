#pragma once

#include <QAbstractTableModel>
#include <QImage>

#include <vector>

#include "ui/attention/attention_scene.h"

namespace bsbr {

/// Heads of a model, layers as rows; each with a small picture once it has come, and in words what its plan
/// is.
class HeadGridModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  explicit HeadGridModel(const AttentionScene& scene, QObject* parent = nullptr);

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
  /// Qt::DecorationRole: a QImage, or nothing yet; Qt::ToolTipRole and Qt::AccessibleTextRole: words.
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
  [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  void setImage(const QModelIndex& index, const QImage& image);
  [[nodiscard]] bool hasImage(const QModelIndex& index) const;
  /// Forgets all pictures, and how many heads there are if that has changed.
  void reset();

 private:
  [[nodiscard]] std::size_t place(const QModelIndex& index) const {
    return static_cast<std::size_t>(index.row()) * static_cast<std::size_t>(heads_) +
           static_cast<std::size_t>(index.column());
  }

  const AttentionScene& scene_;
  int layers_ = 0, heads_ = 0;
  std::vector<QImage> images_;
};

}  // namespace bsbr
