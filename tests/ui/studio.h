#pragma once

#include <QAbstractButton>
#include <QApplication>
#include <QSettings>
#include <QtTest>

#include "tests/support/files.h"
#include "ui/tabs/tab.h"
#include "ui/window/main_window.h"
#include "ui/window/message_bar.h"

namespace bsbr::test {

/// A window with its controller, and its settings in a folder of its own.
struct Studio {
  TempFolder folder;
  Controller controller;
  std::unique_ptr<MainWindow> window;

  explicit Studio(const ConversionSettings& settings = uniform()) {
    QCoreApplication::setOrganizationName(QStringLiteral("bsbr"));
    QCoreApplication::setApplicationName(QStringLiteral("bsbr-studio-test"));
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope,
                       QString::fromStdString((folder / "settings").string()));
    controller.changeSettings(settings, QStringLiteral("test"));
    window = std::make_unique<MainWindow>(controller);
    window->show();
    if (!QTest::qWaitForWindowExposed(window.get())) qFatal("no window");
    QApplication::setActiveWindow(window.get());  // an X server without a window manager makes none active
  }
  ~Studio() {
    controller.stopAll();
    if (!QTest::qWaitFor([&] { return !controller.working(); }, 60'000)) qFatal("jobs go on");
  }
  Studio(const Studio&) = delete;
  Studio& operator=(const Studio&) = delete;

  /// Converts in no time.
  static ConversionSettings uniform() {
    ConversionSettings settings;
    settings.goal = Goal::Uniform;
    settings.retrieve = 64;
    return settings;
  }
  /// Plans, from a short text, for what the first plan reaches.
  static ConversionSettings planned() {
    ConversionSettings settings;
    settings.goal = Goal::Density;
    settings.density = 1;
    settings.plan_tokens = 1024;
    return settings;
  }

  [[nodiscard]] Tab* tab(const char* id) const {
    for (Tab* tab : window->tabs()) {
      if (tab->id() == QLatin1String(id)) return tab;
    }
    return nullptr;
  }
  /// By its accessible name.
  template <class Widget>
  [[nodiscard]] Widget* find(const char* name, QWidget* in = nullptr) const {
    for (Widget* widget : (in != nullptr ? in : window.get())->findChildren<Widget*>()) {
      if (widget->accessibleName() == QLatin1String(name)) return widget;
    }
    qWarning("no widget named %s", name);
    return nullptr;
  }
  [[nodiscard]] QString message() const { return window->findChild<MessageBar*>()->text(); }
  [[nodiscard]] bool wait_until_calm(int ms = 120'000) const {
    return QTest::qWaitFor([&] { return !controller.working(); }, ms);
  }
  /// The demo, opened and converted.
  [[nodiscard]] bool open_demo() {
    controller.openDemo();
    return QTest::qWaitFor([&] { return controller.converted() != nullptr && !controller.working(); },
                           120'000);
  }
};

inline void click(QWidget* widget) {
  QTest::mouseClick(widget, Qt::LeftButton);
}

}  // namespace bsbr::test
