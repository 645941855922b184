#pragma once

#include "engine/analysis/fidelity_report.h"
#include "ui/tabs/tab.h"

class QLabel;
class QPushButton;
class QTableView;

namespace bsbr {

class Figures;
class HeatMap;
class LinePlot;
class SweepTable;

/// What the converted model still predicts of what the original predicts: by position, by head, and over many
/// conversions, of which one can be adopted.
class FidelityTab : public Tab {
  Q_OBJECT

 public:
  explicit FidelityTab(Controller& controller, QWidget* parent = nullptr);
  void fill() override;

 private:
  QWidget* make_content();
  QWidget* make_sweep();
  void measure();
  void start_sweep();
  void clear();
  void show_fidelity(const LengthFidelity& fidelity);
  void show_heads();
  void show_sweep();
  void adopt(int point);

  Figures* figures_;
  LinePlot *positions_, *pareto_;
  HeatMap* heads_;
  QLabel *note_, *head_note_;
  QPushButton *run_, *sweep_, *adopt_;
  QTableView* list_;
  SweepTable* table_;
  std::optional<LengthFidelity> fidelity_;
  std::vector<std::vector<int>> shown_points_;  // of each series of pareto_, rows of table_
  bool sweep_next_ = false;
};

}  // namespace bsbr
