#pragma once

#include <QWidget>

#include "ui/core/controller.h"

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QProgressBar;
class QPushButton;
class QSlider;
class QSpinBox;
class QToolButton;

namespace bsbr {

/// What to convert for and how: one slider from faithful to fast, the sizes, what is to be expected, and the
/// button that does it.
class ConversionPanel : public QWidget {
  Q_OBJECT

 public:
  explicit ConversionPanel(Controller& controller, QWidget* parent = nullptr);

 private:
  void make_controls();
  QWidget* make_details();
  /// Takes over what the controller says.
  void show_settings();
  void show_prediction();
  void show_job();
  void choose_calibration();
  void show_calibration();
  void change(const QString& what, int merge_id, const std::function<void(ConversionSettings&)>& edit);
  [[nodiscard]] std::int64_t length() const;

  Controller& controller_;
  QComboBox *goal_, *chunk_, *block_, *factor_, *candidates_, *calibration_, *length_;
  QSlider* slider_;
  QLabel *value_, *prediction_, *result_, *stage_;
  QSpinBox* window_;
  QPushButton *convert_, *cancel_;
  QToolButton* more_;
  QWidget *details_, *expected_ = nullptr;
  QProgressBar* progress_;
  bool showing_ = false;  // what the controller says, so nothing is to be changed
};

}  // namespace bsbr
