#include "ui/window/main_window.h"

#include <QActionGroup>
#include <QApplication>
#include <QCloseEvent>
#include <QDockWidget>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QMenuBar>
#include <QMimeData>
#include <QScrollArea>
#include <QSettings>
#include <QTabBar>
#include <QVBoxLayout>

#include "engine/checkpoint/hub_cache.h"
#include "ui/panels/checkpoint_panel.h"
#include "ui/panels/conversion_panel.h"
#include "ui/panels/text_panel.h"
#include "ui/tabs/tab.h"
#include "ui/tabs/tabs.h"
#include "ui/window/application.h"
#include "ui/window/message_bar.h"
#include "ui/window/status_line.h"

namespace bsbr {
namespace {

constexpr QSize kFirstSize{1280, 800};
constexpr int kLeftWidth = 340;
constexpr int kStateVersion = 1;

QScrollArea* scrolling(QWidget* content) {
  auto* area = new QScrollArea;
  area->setWidget(content);
  area->setWidgetResizable(true);
  area->setFrameShape(QFrame::NoFrame);
  area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  area->setFocusPolicy(Qt::NoFocus);
  return area;
}

bool is_checkpoint(const QFileInfo& file) {
  return file.isDir() || file.suffix() == QLatin1String("gguf");
}

}  // namespace

MainWindow::MainWindow(Controller& controller, QWidget* parent)
    : QMainWindow(parent),
      controller_(controller),
      messages_(new MessageBar),
      centre_(new QMainWindow),
      status_(new StatusLine(controller)) {
  setObjectName(QStringLiteral("window"));
  setAcceptDrops(true);
  setStatusBar(status_);
  setDockNestingEnabled(true);
  centre_->setWindowFlags(Qt::Widget);
  centre_->setDockNestingEnabled(true);
  centre_->setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
  centre_->setDocumentMode(true);
  auto* column = new QWidget;
  auto* layout = new QVBoxLayout(column);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(messages_);
  layout->addWidget(centre_, 1);
  setCentralWidget(column);
  make_panels();
  make_tabs();
  make_menus();
  if (auto* app = qobject_cast<Application*>(QCoreApplication::instance()))
    connect(app, &Application::failed, &controller_, &Controller::tell);
  connect(&controller_, &Controller::problemFound, this, [this](const Problem& problem) {
    messages_->say(MessageBar::Tone::Error, problem.title, problem.detail);
  });
  connect(&controller_, &Controller::noticed, this,
          [this](const QString& message) { messages_->say(MessageBar::Tone::Notice, message); });
  connect(&controller_, &Controller::warned, messages_, &MessageBar::warn);
  connect(&controller_, &Controller::sourceOpened, &checkpoints_, &CheckpointListModel::remember);
  connect(&controller_, &Controller::sourceOpened, this, &MainWindow::list_hub);  // it may have come with it
  connect(&controller_, &Controller::openedChanged, this, &MainWindow::show_title);
  connect(&controller_, &Controller::quiet, this, [this] {
    if (closing_) close();
  });
  connect(&checkpoints_, &CheckpointListModel::recentChanged, this, &MainWindow::show_recent);
  resize(kFirstSize);
  resizeDocks({panel_docks_.front()}, {kLeftWidth}, Qt::Horizontal);
  // The window's layout must have been made once before it heeds this.
  QMetaObject::invokeMethod(this, &MainWindow::share_height, Qt::QueuedConnection);
  show_title();
  show_recent();
  list_hub();
}

MainWindow::~MainWindow() = default;

void MainWindow::make_panels() {
  auto* checkpoint = new CheckpointPanel(controller_, checkpoints_);
  auto* conversion = new ConversionPanel(controller_);
  text_ = new TextPanel(controller_);
  connect(checkpoint, &CheckpointPanel::openRequested, this, [this] { ask_checkpoint(false); });
  const auto add = [this](QWidget* panel, const QString& id, const QString& title) {
    auto* dock = new QDockWidget(title, this);
    dock->setObjectName(id);
    dock->setWidget(panel);
    addDockWidget(Qt::LeftDockWidgetArea, dock);
    panel_docks_.push_back(dock);
  };
  add(checkpoint, QStringLiteral("panel-checkpoint"), tr("Checkpoint"));
  add(scrolling(conversion), QStringLiteral("panel-conversion"), tr("Conversion"));
  add(text_, QStringLiteral("panel-text"), tr("Text"));
}

void MainWindow::share_height() {
  if (!restored_)
    resizeDocks({panel_docks_[0], panel_docks_[1], panel_docks_[2]}, {130, 330, 240}, Qt::Vertical);
}

void MainWindow::make_tabs() {
  for (Tab* tab : bsbr::make_tabs(controller_)) add_tab(tab);
  if (!tabs_.empty()) showTab(tabs_.front());
}

void MainWindow::add_tab(Tab* tab) {
  auto* dock = new QDockWidget(tab->title(), centre_);
  dock->setObjectName(QStringLiteral("tab-") + tab->id());
  dock->setWidget(tab);
  // Docked, the tab bar names it; floating, its own title bar does.
  dock->setTitleBarWidget(new QWidget(dock));
  connect(dock, &QDockWidget::topLevelChanged, dock, [dock](bool floats) {
    QWidget* bar = dock->titleBarWidget();
    dock->setTitleBarWidget(floats ? nullptr : new QWidget(dock));
    if (bar != nullptr) bar->deleteLater();
  });
  connect(tab, &Tab::openRequested, this, [this] { ask_checkpoint(false); });
  centre_->addDockWidget(Qt::LeftDockWidgetArea, dock);
  if (!tab_docks_.empty()) centre_->tabifyDockWidget(tab_docks_.back(), dock);
  tab_docks_.push_back(dock);
  tabs_.push_back(tab);
}

void MainWindow::showTab(Tab* tab) {
  const auto at = static_cast<std::size_t>(std::find(tabs_.begin(), tabs_.end(), tab) - tabs_.begin());
  if (at >= tab_docks_.size()) return;
  tab_docks_[at]->show();
  tab_docks_[at]->raise();
}

QAction* MainWindow::add_action(QMenu* menu, const QString& text, const QKeySequence& shortcut,
                                const QString& tip, std::function<void()> what) {
  QAction* action = menu->addAction(text);
  action->setShortcut(shortcut);
  action->setToolTip(tip);
  action->setStatusTip(tip);
  connect(action, &QAction::triggered, this, std::move(what));
  return action;
}

void MainWindow::make_file_menu() {
  QMenu* file = menuBar()->addMenu(tr("&File"));
  add_action(file, tr("&Open a checkpoint folder …"), QKeySequence::Open, tr("A HuggingFace folder"),
             [this] { ask_checkpoint(false); });
  add_action(file, tr("Open a &GGUF file …"), Qt::CTRL | Qt::SHIFT | Qt::Key_O,
             tr("A checkpoint in one file"), [this] { ask_checkpoint(true); });
  recent_ = file->addMenu(tr("Open &recent"));
  add_action(file, tr("Open the &demo"), Qt::CTRL | Qt::Key_D, tr("The bundled checkpoint and its text"),
             [this] { controller_.openDemo(); });
  file->addSeparator();
  add_action(file, tr("Open a &text …"), Qt::CTRL | Qt::SHIFT | Qt::Key_T, tr("A text to measure on"),
             [this] { text_->openText(); });
  file->addSeparator();
  add_action(file, tr("Open a s&ession …"), Qt::CTRL | Qt::SHIFT | Qt::Key_E,
             tr("Checkpoint, settings, text and selection as they were saved"), [this] { ask_session(); });
  add_action(file, tr("&Save the session …"), QKeySequence::Save,
             tr("Checkpoint, settings, text and selection, to go on later"), [this] { save_session(); });
  file->addSeparator();
  add_action(file, tr("&Quit"), QKeySequence::Quit, tr("Stop all jobs and quit"), [this] { close(); });
}

void MainWindow::make_menus() {
  make_file_menu();
  QMenu* edit = menuBar()->addMenu(tr("&Edit"));
  QAction* undo = controller_.undo_stack().createUndoAction(this, tr("Undo"));
  QAction* redo = controller_.undo_stack().createRedoAction(this, tr("Redo"));
  undo->setShortcut(QKeySequence::Undo);
  redo->setShortcuts({Qt::CTRL | Qt::SHIFT | Qt::Key_Z, Qt::CTRL | Qt::Key_Y});
  undo->setToolTip(tr("Undo a change of the conversion's settings"));
  redo->setToolTip(tr("Redo a change of the conversion's settings"));
  edit->addActions({undo, redo});

  QMenu* run = menuBar()->addMenu(tr("&Run"));
  QAction* convert = add_action(run, tr("&Convert"), Qt::CTRL | Qt::Key_Return,
                                tr("Convert with these settings"), [this] { controller_.convert(); });
  QAction* cancel = add_action(run, tr("C&ancel"), Qt::CTRL | Qt::Key_Period, tr("Cancel the running job"),
                               [this] { controller_.cancel(); });
  const auto enable = [this, convert, cancel] {
    convert->setEnabled(controller_.opened() && !controller_.busy());
    cancel->setEnabled(controller_.busy());
  };
  connect(&controller_, &Controller::busyChanged, this, enable);
  connect(&controller_, &Controller::openedChanged, this, enable);
  enable();

  QMenu* view = menuBar()->addMenu(tr("&View"));
  for (std::size_t i = 0; i < tabs_.size(); ++i) {
    add_action(view, tabs_[i]->title(), QKeySequence(Qt::ALT | static_cast<Qt::Key>(Qt::Key_1 + i)),
               tabs_[i]->purpose(), [this, i] { showTab(tabs_[i]); });
  }
  view->addSeparator();
  for (QDockWidget* dock : panel_docks_) view->addAction(dock->toggleViewAction());
  QMenu* floating = view->addMenu(tr("In a &window of its own"));
  for (QDockWidget* dock : tab_docks_) {
    QAction* action = floating->addAction(dock->windowTitle());
    action->setCheckable(true);
    connect(action, &QAction::toggled, dock, &QDockWidget::setFloating);
    connect(dock, &QDockWidget::topLevelChanged, action, &QAction::setChecked);
  }
}

void MainWindow::show_recent() {
  recent_->clear();
  int number = 0;
  for (const QString& source : checkpoints_.recent()) {
    ++number;
    add_action(recent_, QStringLiteral("&%1 %2").arg(number).arg(QFileInfo(source).fileName()),
               QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + number)), source,
               [this, source] { controller_.open(source); });
  }
  recent_->setEnabled(number > 0);
}

void MainWindow::list_hub() {
  controller_.runForView([](const Job&) { return list_hub_models(); },
                         [this](std::vector<HubModel> models) { checkpoints_.setHub(std::move(models)); });
}

void MainWindow::show_title() {
  const auto opened = controller_.opened();
  const QString name =
      opened ? QString::fromStdString(opened->checkpoint.name()) + QStringLiteral(" – ") : QString();
  setWindowTitle(name + tr("BSBR Studio"));
}

void MainWindow::ask_checkpoint(bool file) {
  const QString path =
      file ? QFileDialog::getOpenFileName(this, tr("Open a GGUF file"), {}, tr("GGUF (*.gguf)"))
           : QFileDialog::getExistingDirectory(this, tr("Open a checkpoint folder"));
  if (!path.isEmpty()) controller_.open(path);
}

void MainWindow::openPath(const QString& path) {
  const QFileInfo file(path);
  if (file.suffix() == QLatin1String("json")) {
    openSession(path);
  } else if (is_checkpoint(file) || !file.exists()) {
    controller_.open(file.exists() ? file.absoluteFilePath() : path);
  } else {
    text_->loadText(file.absoluteFilePath());
  }
}

void MainWindow::openSession(const QString& path) {
  controller_.runForView([file = path.toStdString()](const Job&) { return Session::load(file); },
                         [this](const Session& session) {
                           controller_.applySession(session);
                           for (Tab* tab : tabs_) {
                             if (tab->id() == session.tab) showTab(tab);
                           }
                         },
                         {}, tr("Opening the session"));
}

void MainWindow::ask_session() {
  const QString path = QFileDialog::getOpenFileName(this, tr("Open a session"), {}, tr("Sessions (*.json)"));
  if (!path.isEmpty()) openSession(path);
}

void MainWindow::save_session() {
  const QString path = QFileDialog::getSaveFileName(this, tr("Save the session"),
                                                    QStringLiteral("session.json"), tr("Sessions (*.json)"));
  if (path.isEmpty()) return;
  Session session = controller_.session();
  for (std::size_t i = 0; i < tabs_.size(); ++i) {
    if (!tabs_[i]->visibleRegion().isEmpty()) session.tab = tabs_[i]->id();
  }
  try {
    session.save(path.toStdString());
  } catch (const Error& error) {
    controller_.tell({tr("The session cannot be saved"), QString::fromUtf8(error.what()), error.kind()});
  }
}

void MainWindow::restore() {
  const QSettings settings;
  checkpoints_.setRecent(settings.value(QStringLiteral("recent")).toStringList());
  restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray());
  restored_ = restoreState(settings.value(QStringLiteral("panels")).toByteArray(), kStateVersion);
  centre_->restoreState(settings.value(QStringLiteral("tabs")).toByteArray(), kStateVersion);
}

void MainWindow::remember() const {
  QSettings settings;
  settings.setValue(QStringLiteral("recent"), checkpoints_.recent());
  settings.setValue(QStringLiteral("geometry"), saveGeometry());
  settings.setValue(QStringLiteral("panels"), saveState(kStateVersion));
  settings.setValue(QStringLiteral("tabs"), centre_->saveState(kStateVersion));
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (!controller_.working()) {
    remember();
    event->accept();
    return;
  }
  // The window lives on until the jobs have ended, so nothing waits.
  event->ignore();
  if (closing_) return;
  closing_ = true;
  setEnabled(false);
  messages_->say(MessageBar::Tone::Notice, tr("Stopping what runs; the window closes then."));
  controller_.stopAll();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls() && event->mimeData()->urls().front().isLocalFile())
    event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  if (!event->mimeData()->hasUrls()) return;
  openPath(event->mimeData()->urls().front().toLocalFile());
  event->acceptProposedAction();
}

}  // namespace bsbr
