#pragma once

#include <QTableView>

#include "ui/attention/head_grid_model.h"
#include "ui/attention/latest_task.h"

namespace bsbr {

/// All heads as thumbnails of their attention, the chosen one outlined; arrow keys move between heads.
/// Pictures are made one after the other in the background, those in sight first.
class HeadGridView : public QTableView {
  Q_OBJECT

 public:
  explicit HeadGridView(AttentionScene& scene, QWidget* parent = nullptr);

  enum class Shows { Original, Converted, Difference };
  void setShows(Shows shows);
  [[nodiscard]] bool working() const { return task_.busy(); }
  [[nodiscard]] QSize sizeHint() const override { return {220, 300}; }

 protected:
  void currentChanged(const QModelIndex& current, const QModelIndex& previous) override;
  void scrollContentsBy(int dx, int dy) override;
  void resizeEvent(QResizeEvent* event) override;
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void restart();
  void follow();
  void fitCells();
  void next();
  [[nodiscard]] QModelIndex mostWanted() const;

  AttentionScene& scene_;
  HeadGridModel* model_;
  LatestTask task_;
  Shows shows_ = Shows::Original;
};

}  // namespace bsbr
