#pragma once

#include <QApplication>

#include "ui/core/studio_state.h"

namespace bsbr {

/// The application of the Studio. An exception that leaves a slot or an event handler does not end it, but is
/// told.
class Application : public QApplication {
  Q_OBJECT

 public:
  using QApplication::QApplication;

  bool notify(QObject* receiver, QEvent* event) override;

 Q_SIGNALS:
  /// In a later turn of the event loop; of several that come before that turn, only the first.
  void failed(const bsbr::Problem& problem);

 private:
  void tell_later(const Problem& problem);

  bool telling_ = false;
};

}  // namespace bsbr
