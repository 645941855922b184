#pragma once

#include <QStatusBar>

#include "ui/core/controller.h"

class QLabel;
class QProgressBar;
class QToolButton;

namespace bsbr {

/// Device, threads, memory in use, and the running job with its progress.
class StatusLine : public QStatusBar {
  Q_OBJECT

 public:
  explicit StatusLine(Controller& controller, QWidget* parent = nullptr);

 private:
  void show_memory();

  QLabel *job_, *machine_, *memory_;
  QProgressBar* progress_;
  QToolButton* cancel_;
  QTimer timer_;
};

}  // namespace bsbr
