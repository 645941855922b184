#include "ui/panels/words.h"

#include <QCoreApplication>
#include <QEvent>

#include "ui/core/format.h"

namespace bsbr {
namespace {

/// Keeps its colour between text and background, whatever the palette.
class Note : public QLabel {
 public:
  explicit Note(const QString& text) : QLabel(text) {
    setWordWrap(true);
    fade();
  }

 protected:
  void changeEvent(QEvent* event) override {
    if (event->type() == QEvent::PaletteChange && !fading_) fade();
    QLabel::changeEvent(event);
  }

 private:
  void fade() {
    fading_ = true;
    const QPalette base = parentWidget() != nullptr ? parentWidget()->palette() : QPalette();
    const QColor text = base.color(QPalette::WindowText);
    const QColor back = base.color(QPalette::Window);
    const auto mix = [](int a, int b) { return (7 * a + 3 * b) / 10; };
    QPalette faded = palette();
    faded.setColor(QPalette::WindowText, QColor(mix(text.red(), back.red()), mix(text.green(), back.green()),
                                                mix(text.blue(), back.blue())));
    setPalette(faded);
    fading_ = false;
  }

  bool fading_ = false;
};

}  // namespace

namespace words {

QString progress(const JobProgress& progress) {
  QString stage = progress.stage;
  if (!stage.isEmpty()) stage[0] = stage[0].toUpper();
  QString text =
      stage + QStringLiteral(", ") + format::fixed(100 * progress.fraction, 0) + QStringLiteral("\u00A0%");
  if (progress.seconds_left) {
    text +=
        QStringLiteral(", ") +
        QCoreApplication::translate("bsbr::words", "%1 left").arg(format::duration(*progress.seconds_left));
  }
  return text;
}

}  // namespace words

QLabel* make_note(const QString& text) {
  return new Note(text);
}

QLabel* make_heading(const QString& text) {
  auto* label = new QLabel(text);
  QFont font = label->font();
  font.setWeight(QFont::DemiBold);
  label->setFont(font);
  return label;
}

}  // namespace bsbr
