#pragma once

#include <QWidget>

namespace bsbr {

class CaptureFeeder;

/// `view` under a line that says, while it is so, that the text is being read, and how far.
QWidget* with_reading_bar(QWidget* view, CaptureFeeder& feeder);

}  // namespace bsbr
