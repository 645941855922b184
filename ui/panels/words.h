#pragma once

#include <QAction>
#include <QLabel>
#include <QString>

#include "ui/core/job_runner.h"

/// Small things that the panels and tabs share.
namespace bsbr {

namespace words {

/// "Checking a plan, 40 %, 12 s left".
QString progress(const JobProgress& progress);

}  // namespace words

/// A label in a smaller type and a fainter colour that follows the palette.
QLabel* make_note(const QString& text = {});
/// A heading of a group of controls.
QLabel* make_heading(const QString& text);
/// The name that assistive technology reads, and a tooltip.
template <class Widget>
Widget* named(Widget* widget, const QString& name, const QString& tip) {
  widget->setAccessibleName(name);
  widget->setToolTip(tip);
  return widget;
}

}  // namespace bsbr
