#pragma once

#include <QWidget>

#include <array>

#include "engine/analysis/retrieval.h"
#include "ui/attention/attention_scene.h"
#include "ui/attention/latest_task.h"

class QLabel;
class QTableView;

namespace bsbr {

class HeatMap;
class LinePlot;
class RankingModel;

/// How well the chosen head finds what matters: query chunks × key chunks with their true mass, retrieval
/// score and what was retrieved; why a query retrieved what it did; and what the conversion loses, by head
/// and by query.
class RetrievalView : public QWidget {
  Q_OBJECT

 public:
  explicit RetrievalView(AttentionScene& scene, QWidget* parent = nullptr);

  [[nodiscard]] HeatMap* trueMass() const { return grids_[0]; }
  [[nodiscard]] HeatMap* score() const { return grids_[1]; }
  [[nodiscard]] HeatMap* retrieved() const { return grids_[2]; }
  [[nodiscard]] HeatMap* lostByHead() const { return by_head_; }
  [[nodiscard]] LinePlot* lostByQuery() const { return by_query_; }
  [[nodiscard]] RankingModel* ranking() const { return ranking_; }
  [[nodiscard]] QTableView* table() const { return table_; }
  /// Something that it shows is still being made.
  [[nodiscard]] bool working() const { return grid_task_.busy() || query_task_.busy() || heads_task_.busy(); }

 protected:
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;

 private:
  QWidget* makeHeads();
  QWidget* makeGrids();
  QWidget* makeRanking();
  void reset();
  void askGrid();
  void take(const RetrievalGrid& grid);
  void askQuery();
  void nextHead();
  void showHeads();
  void frameHead();
  void frameChunk();

  AttentionScene& scene_;
  std::array<HeatMap*, 3> grids_{};
  HeatMap* by_head_;
  LinePlot* by_query_;
  RankingModel* ranking_;
  QTableView* table_;
  QLabel *title_, *query_title_, *heads_note_;
  LatestTask grid_task_, query_task_, heads_task_;
  std::vector<float> losses_;  // [layers, heads]; NaN: not yet
  RetrievalGrid grid_;
  bool linking_ = false, stale_ = true;
};

}  // namespace bsbr
