#pragma once

#include <QObject>
#include <QTimer>
#include <filesystem>
#include <functional>

#include "ui/window/main_window.h"

namespace bsbr {

/// Takes a picture of the window with each tab in front, as soon as each has what it shows, into
/// FOLDER/<tab>.png. Reports how it ended with finished().
class PictureMaker : public QObject {
  Q_OBJECT

 public:
  PictureMaker(Controller& controller, MainWindow& window, QString folder, QObject* parent = nullptr);

  /// Once what runs has ended.
  void start();

 Q_SIGNALS:
  /// `problem`: what went wrong, or empty.
  void finished(const QString& problem);

 private:
  void step();
  [[nodiscard]] bool take();

  Controller& controller_;
  MainWindow& window_;
  QString folder_, problem_;
  std::size_t tab_ = 0;
  bool filled_ = false;
  int calm_ = 0;  // steps without work
  QTimer timer_;
};

}  // namespace bsbr
