#pragma once

#include "ui/plot/plot.h"

namespace bsbr {

/// A part of every bar.
struct BarPart {
  QString name;
  std::vector<double> values;  ///< one a bar
  int color = 0;               ///< of PlotColors::series
};

/// Bars side by side, each a stack of parts.
class BarPlot : public Plot {
  Q_OBJECT

 public:
  explicit BarPlot(QWidget* parent = nullptr);

  void setBars(const QStringList& names, std::vector<BarPart> parts);

  [[nodiscard]] PlotTable table() const override;

 protected:
  [[nodiscard]] QRectF extent() const override;
  void restyle(const PlotColors& colors) override;

 private:
  void draw();

  QStringList names_;
  std::vector<BarPart> parts_;
};

}  // namespace bsbr
