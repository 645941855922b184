#pragma once

#include <QWidget>

#include "ui/core/controller.h"

class QLabel;
class QListView;
class QPushButton;

namespace bsbr {

class CheckpointListModel;

/// What is open and its facts, and what could be opened: recent checkpoints and those in the local hub cache.
class CheckpointPanel : public QWidget {
  Q_OBJECT

 public:
  CheckpointPanel(Controller& controller, CheckpointListModel& list, QWidget* parent = nullptr);

 Q_SIGNALS:
  void openRequested();

 private:
  void show_facts();

  Controller& controller_;
  QLabel *name_, *facts_;
  QPushButton* open_;
  QListView* list_;
};

}  // namespace bsbr
