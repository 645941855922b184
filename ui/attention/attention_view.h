#pragma once

#include <QWidget>

#include "engine/analysis/attention_map.h"
#include "ui/attention/attention_scene.h"
#include "ui/attention/latest_task.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QSpinBox;

namespace bsbr {

class HeadGridView;
class MapTrio;
class QueryPlot;

/// What both models attend to: all heads as thumbnails, the chosen one's maps, the pair under the cursor in
/// numbers, and the chosen query's weights.
class AttentionView : public QWidget {
  Q_OBJECT

 public:
  explicit AttentionView(AttentionScene& scene, QWidget* parent = nullptr);

  [[nodiscard]] MapTrio* maps() const { return maps_; }
  [[nodiscard]] QueryPlot* queryPlot() const { return query_plot_; }
  [[nodiscard]] HeadGridView* heads() const { return heads_; }
  [[nodiscard]] QString readout() const;
  /// Something that it shows, in sight, is still being made.
  [[nodiscard]] bool working() const;

 protected:
  void changeEvent(QEvent* event) override;

 private:
  QWidget* makeBar();
  QWidget* makeHeads();
  QWidget* makeQuery();
  void showHead();
  void askQuery();
  /// Names lines and shaded zones, with the mass of each.
  void showShares();
  void point(std::int64_t query, std::int64_t key);
  void showPair();

  AttentionScene& scene_;
  MapTrio* maps_;
  QueryPlot* query_plot_;
  HeadGridView* heads_;
  QSpinBox *layer_, *head_;
  QLabel *pair_, *values_, *query_title_, *lines_, *zones_;
  LatestTask hover_task_, query_task_;
  std::optional<std::pair<std::int64_t, std::int64_t>> pair_at_;  // query and key under the cursor
  std::optional<QueryAttention> hovered_;                         // of the chosen head
};

}  // namespace bsbr
