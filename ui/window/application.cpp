#include "ui/window/application.h"

#include <cstdio>

#include "engine/base/caught.h"

namespace bsbr {
namespace {

void say_on_stderr(const Error& error) {
  std::fprintf(stderr, "bsbr-studio: %s\n", error.what());
}

}  // namespace

bool Application::notify(QObject* receiver, QEvent* event) {
  try {
    return QApplication::notify(receiver, event);
  } catch (...) {
    const Error error = caught_error();
    say_on_stderr(error);
    tell_later({tr("Something went wrong"), QString::fromUtf8(error.what()), error.kind()});
    return true;
  }
}

void Application::tell_later(const Problem& problem) {
  if (telling_) return;
  telling_ = true;
  QMetaObject::invokeMethod(
      this,
      [this, problem] {
        // Not by notify(), which would have it told again, and so for ever.
        try {
          Q_EMIT failed(problem);
        } catch (...) {
          say_on_stderr(caught_error());
        }
        telling_ = false;
      },
      Qt::QueuedConnection);
}

}  // namespace bsbr
