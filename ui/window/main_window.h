#pragma once

#include <QMainWindow>
#include <vector>

#include "ui/core/checkpoint_list_model.h"
#include "ui/core/controller.h"

class QActionGroup;
class QDockWidget;

namespace bsbr {

class MessageBar;
class StatusLine;
class Tab;
class TextPanel;

/// The window: on the left what is being done, in the centre what came of it, each in a dock of its own.
class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  explicit MainWindow(Controller& controller, QWidget* parent = nullptr);
  ~MainWindow() override;

  [[nodiscard]] const std::vector<Tab*>& tabs() const { return tabs_; }
  void showTab(Tab* tab);
  /// A checkpoint, a session (*.json that is one), or a text.
  void openPath(const QString& path);
  void openSession(const QString& path);
  /// Sizes, docks and recent checkpoints as they were; and to be so again.
  void restore();
  void remember() const;

 protected:
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  void make_panels();
  void share_height();
  void make_tabs();
  void add_tab(Tab* tab);
  void make_menus();
  void make_file_menu();
  QAction* add_action(QMenu* menu, const QString& text, const QKeySequence& shortcut, const QString& tip,
                      std::function<void()> what);
  void ask_checkpoint(bool file);
  void ask_session();
  void save_session();
  void show_title();
  void list_hub();
  void show_recent();

  Controller& controller_;
  CheckpointListModel checkpoints_;
  MessageBar* messages_;
  QMainWindow* centre_;  // holds the tabs' docks
  StatusLine* status_;
  TextPanel* text_ = nullptr;
  QMenu* recent_ = nullptr;
  std::vector<Tab*> tabs_;
  std::vector<QDockWidget*> tab_docks_, panel_docks_;
  bool closing_ = false, restored_ = false;
};

}  // namespace bsbr
