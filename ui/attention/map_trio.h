#pragma once

#include <QLabel>
#include <QWidget>

#include <array>
#include <optional>

#include "engine/analysis/attention_map.h"
#include "ui/attention/attention_scene.h"
#include "ui/attention/latest_task.h"
#include "ui/plot/heat_map.h"

namespace bsbr {

/// Original | Converted | Difference of the chosen head, in one view: zoom, pan and cursor are common. What
/// is visible is pooled to the pixels on the screen by the engine, a quick look first, then all of it.
class MapTrio : public QWidget {
  Q_OBJECT

 public:
  explicit MapTrio(AttentionScene& scene, QWidget* parent = nullptr);

  void setLogarithmic(bool logarithmic);
  void setPooling(Pooling pooling);
  void setZonesVisible(bool visible);

  /// Original, converted, difference.
  [[nodiscard]] HeatMap* map(int index) const { return maps_[static_cast<std::size_t>(index)]; }
  /// What is shown is all that was asked for.
  [[nodiscard]] bool settled() const { return !task_.busy() && !waiting_; }

 Q_SIGNALS:
  /// The cursor is at a pair; key > query: above the diagonal.
  void pointedAt(std::int64_t query, std::int64_t key);
  void pointedAway();

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void showEvent(QShowEvent* event) override;

 private:
  void ask();
  void askNow();
  void compute(MapRequest request);
  void take(const AttentionMap& map);
  void showScales();
  void showZones();
  void showQuery();
  /// Share of a pixel's pairs that are far and read exactly.
  [[nodiscard]] HeatGrid retrievedGrid() const;
  void point(const QPointF& at);

  AttentionScene& scene_;
  std::array<HeatMap*, 3> maps_{};
  LatestTask task_;
  AttentionMap shown_;
  Pooling pooling_ = Pooling::Maximum;
  bool logarithmic_ = true, zones_ = true, waiting_ = false, linking_ = false;
};

}  // namespace bsbr
