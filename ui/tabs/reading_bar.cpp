#include "ui/tabs/reading_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QVBoxLayout>

#include "ui/tabs/capture_feeder.h"

namespace bsbr {

QWidget* with_reading_bar(QWidget* view, CaptureFeeder& feeder) {
  auto* whole = new QWidget;
  auto* layout = new QVBoxLayout(whole);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  auto* bar = new QWidget;
  auto* row = new QHBoxLayout(bar);
  row->setContentsMargins(8, 6, 8, 0);
  auto* stage = new QLabel;
  auto* progress = new QProgressBar;
  progress->setRange(0, 1000);
  progress->setTextVisible(false);
  progress->setMaximumHeight(stage->fontMetrics().height());
  progress->setAccessibleName(CaptureFeeder::tr("Reading the text"));
  row->addWidget(stage);
  row->addWidget(progress, 1);
  bar->hide();
  layout->addWidget(bar);
  layout->addWidget(view, 1);
  QObject::connect(&feeder, &CaptureFeeder::progressed, bar, [=](const QString& name, double fraction) {
    QString words = name;
    if (!words.isEmpty()) words[0] = words[0].toUpper();
    stage->setText(words + QStringLiteral(" …"));
    progress->setValue(qRound(fraction * 1000));
    bar->show();
  });
  QObject::connect(&feeder, &CaptureFeeder::settled, bar, &QWidget::hide);
  return whole;
}

}  // namespace bsbr
