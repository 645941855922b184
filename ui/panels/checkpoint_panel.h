#pragma once

#include <QWidget>

#include "ui/core/controller.h"

class QLabel;
class QLineEdit;
class QListView;
class QPushButton;

namespace bsbr {

class CheckpointListModel;

/// What is open and its facts, and what could be opened: recent checkpoints, those in the local hub cache,
/// and any model of the hub by its name.
class CheckpointPanel : public QWidget {
  Q_OBJECT

 public:
  CheckpointPanel(Controller& controller, CheckpointListModel& list, QWidget* parent = nullptr);

 Q_SIGNALS:
  void openRequested();

 private:
  void show_facts();
  void open_name();

  Controller& controller_;
  QLabel *name_, *facts_;
  QPushButton* open_;
  QListView* list_;
  QLineEdit* hub_name_;
};

}  // namespace bsbr
