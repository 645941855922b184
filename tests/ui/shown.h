#pragma once

#include <QWindow>
#include <QtTest>

#include "ui/plot/plot.h"

namespace bsbr::test {

/// Shows a widget of that size, and waits until it is there.
inline void show(QWidget& widget, int width, int height) {
  widget.resize(width, height);
  widget.show();
  QVERIFY(QTest::qWaitForWindowExposed(&widget));
}

/// Through the window system, as a mouse without a pressed button moves.
inline void move(Plot& plot, const QPoint& at) {
  QTest::mouseMove(plot.window()->windowHandle(), plot.canvas()->mapTo(plot.window(), at));
}

}  // namespace bsbr::test
