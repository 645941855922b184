#include "ui/window/theme.h"

#include <QApplication>
#include <QStyleFactory>
#include <QToolTip>

#include "engine/base/error.h"
#include "engine/base/resources.h"

namespace bsbr {

QPalette palette_of(Theme theme) {
  const bool dark = theme == Theme::Dark;
  const auto pick = [dark](QRgb on_light, QRgb on_dark) {
    return QColor::fromRgb(dark ? on_dark : on_light);
  };
  const QColor window = pick(0xfff4f5f7, 0xff23262b);
  const QColor text = pick(0xff1c2127, 0xffe6e8eb);
  const QColor faint = pick(0xff8b929b, 0xff7d848d);
  QPalette palette(pick(0xffe9ebee, 0xff31353b), window);
  palette.setColor(QPalette::Base, pick(0xffffffff, 0xff1b1d21));
  palette.setColor(QPalette::AlternateBase, pick(0xfff4f5f7, 0xff212429));
  palette.setColor(QPalette::Highlight, pick(0xff0072b2, 0xff2f7fb8));
  palette.setColor(QPalette::HighlightedText, Qt::white);
  palette.setColor(QPalette::Link, pick(0xff0068a3, 0xff6cb8ea));
  palette.setColor(QPalette::ToolTipBase, pick(0xffffffff, 0xff31353b));
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText})
    palette.setColor(role, text);
  palette.setColor(QPalette::PlaceholderText, faint);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    palette.setColor(QPalette::Disabled, role, faint);
  palette.setColor(QPalette::Disabled, QPalette::Highlight, faint);
  return palette;
}

void apply_theme(std::optional<Theme> theme) {
  QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  if (!theme) return;
  QApplication::setPalette(palette_of(*theme));
  QToolTip::setPalette(palette_of(*theme));
}

QIcon studio_icon() {
  try {
    return QIcon(QString::fromStdString(resource("desktop/bsbr-studio.svg").string()));
  } catch (const Error&) {
    return {};
  }
}

}  // namespace bsbr
