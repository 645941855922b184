#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>

#include <qcustomplot.h>

#include "ui/plot/plot.h"

namespace bsbr {
namespace {

/// Pixels of a saved picture for each on the screen.
constexpr double kPictureScale = 2;

QString file_name(QString name) {
  for (QChar& c : name) {
    if (!c.isLetterOrNumber()) c = '-';
  }
  while (name.contains("--")) name.replace("--", "-");
  return name.isEmpty() ? "plot" : name.toLower();
}

}  // namespace

void Plot::copyPicture() {
  QApplication::clipboard()->setPixmap(plot().toPixmap(0, 0, kPictureScale));
}

void Plot::copyData() const {
  QApplication::clipboard()->setText(table().csv());
}

QString Plot::saveAs(const QString& path) {
  const QString suffix = QFileInfo(path).suffix().toLower();
  if (!QStringList{"png", "svg", "pdf", "csv"}.contains(suffix))
    return tr("%1 was not written: its name must end in .png, .svg, .pdf or .csv").arg(path);
  QSaveFile file(path);
  const auto problem = [&] { return tr("%1 was not written: %2").arg(path, file.errorString()); };
  if (!file.open(QIODevice::WriteOnly)) return problem();
  const QSize size = plot().size();
  const auto paint = [&](QPaintDevice* device, double scale) {
    QCPPainter painter;
    if (!painter.begin(device)) return false;
    painter.setMode(QCPPainter::pmVectorized);
    painter.setMode(QCPPainter::pmNoCaching);
    painter.scale(scale, scale);
    painter.fillRect(plot().rect(), colors().background());
    plot().toPainter(&painter, size.width(), size.height());
    return painter.end();
  };
  bool done = false;
  if (suffix == "csv") {
    const QByteArray text = table().csv().toUtf8();
    done = file.write(text) == text.size();
  } else if (suffix == "png") {
    done = plot().toPixmap(0, 0, kPictureScale).save(&file, "PNG");
  } else if (suffix == "svg") {
    QSvgGenerator generator;
    generator.setOutputDevice(&file);
    generator.setSize(size);
    generator.setViewBox(QRect(QPoint(0, 0), size));
    generator.setTitle(accessibleName());
    done = paint(&generator, 1);
  } else {
    constexpr double kPointsPerPixel = 0.75;
    QPdfWriter writer(&file);
    writer.setPageMargins({});
    writer.setPageSize(QPageSize(QSizeF(size) * kPointsPerPixel, QPageSize::Point));
    writer.setTitle(accessibleName());
    done = paint(&writer, static_cast<double>(writer.width()) / size.width());
  }
  if (!done || !file.commit()) return problem();
  return {};
}

void Plot::askAndSave() {
  auto* dialog = new QFileDialog(this, tr("Save Plot"), file_name(accessibleName()) + ".png");
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setNameFilters(
      {tr("Picture (*.png)"), tr("Vector graphics (*.svg)"), tr("Document (*.pdf)"), tr("Data (*.csv)")});
  const auto take_suffix = [dialog](const QString& filter) {
    dialog->setDefaultSuffix(filter.section("*.", 1).chopped(1));
  };
  take_suffix(dialog->selectedNameFilter());
  connect(dialog, &QFileDialog::filterSelected, dialog, take_suffix);
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) {
    const QString problem = saveAs(path);
    if (!problem.isEmpty()) Q_EMIT failed(problem);
  });
  dialog->open();
}

}  // namespace bsbr
