#pragma once

#include <QWidget>
#include <vector>

namespace bsbr {

/// A number that matters, and what it is.
struct Figure {
  QString value, caption, tip = {};
};

/// A row of them, large, each over its caption.
class Figures : public QWidget {
  Q_OBJECT

 public:
  explicit Figures(QWidget* parent = nullptr);
  void setFigures(const std::vector<Figure>& figures);
};

}  // namespace bsbr
