#pragma once

#include "engine/export/export.h"
#include "ui/tabs/tab.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;

namespace bsbr {

/// Where to write the converted checkpoint, what is written, and what re-opening and verifying it gave.
class ExportTab : public Tab {
  Q_OBJECT

 public:
  explicit ExportTab(Controller& controller, QWidget* parent = nullptr);

 private:
  QWidget* make_content();
  void suggest();
  void show_plan();
  void write();
  void show_report(const ExportReport& report);
  /// What the weights are rounded to; nothing: they stay as they are.
  [[nodiscard]] std::optional<Dtype> dtype() const;

  QLineEdit* destination_;
  QCheckBox* replace_;
  QComboBox* type_;
  QPushButton *browse_, *write_, *open_;
  QLabel *plan_, *space_, *report_;
  QString written_;
};

}  // namespace bsbr
