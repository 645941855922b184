#pragma once

#include "engine/analysis/bench.h"
#include "ui/tabs/tab.h"

class QComboBox;
class QLabel;
class QPushButton;
class QSpinBox;
class QTableView;

namespace bsbr {

class BarPlot;
class CostTable;
class Figures;
class LinePlot;

/// Latency and memory over lengths, original beside converted, measured as they come in and predicted.
class CostTab : public Tab {
  Q_OBJECT

 public:
  explicit CostTab(Controller& controller, QWidget* parent = nullptr);
  void fill() override;

 private:
  QWidget* make_content();
  void measure();
  void clear();
  void add(const BenchPoint& point);
  void show_lengths();
  void show_lines();
  void show_bars();
  void show_figures();

  CostTable* table_;
  LinePlot *latency_, *memory_;
  BarPlot* bars_;
  Figures* figures_;
  QLabel* note_;
  QComboBox *longest_, *phase_, *bar_length_;
  QSpinBox* repetitions_;
  QPushButton* run_;
};

}  // namespace bsbr
