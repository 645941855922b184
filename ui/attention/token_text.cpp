#include "ui/attention/token_text.h"

#include <QLocale>
#include <QTextBoundaryFinder>

#include <algorithm>
#include <cmath>

namespace bsbr {

qsizetype whole_until(QStringView text, qsizetype at) {
  constexpr qsizetype kFar = 64;
  if (at <= 0 || at >= text.size()) return std::clamp<qsizetype>(at, 0, text.size());
  const qsizetype from = std::max<qsizetype>(0, at - kFar);
  QTextBoundaryFinder finder(QTextBoundaryFinder::Grapheme,
                             text.mid(from, std::min(text.size(), at + kFar) - from));
  finder.setPosition(at - from);
  if (finder.isAtBoundary()) return at;
  const qsizetype before = finder.toPreviousBoundary();
  if (before > 0) return from + before;
  return text[at].isLowSurrogate() ? at - 1 : at;
}

QString shortened(const QString& text, qsizetype most) {
  if (text.size() <= most) return text;
  return text.left(whole_until(text, most * 2 / 3)) + QChar(0x2026) +
         text.mid(whole_until(text, text.size() - most / 3));
}

QString quoted_text(QString text, qsizetype most) {
  text = shortened(text, most);
  text.replace('\n', QChar(0x21B5)).replace('\t', QChar(0x21E5)).remove('\r');
  return QChar(0x201C) + text + QChar(0x201D);
}

QString tool_tip(const QString& text) {
  constexpr qsizetype kWidth = 80;
  QString lines = QStringLiteral("<qt>");
  for (qsizetype at = 0; at < text.size();) {
    qsizetype end = whole_until(text, at + kWidth);
    const qsizetype space = text.lastIndexOf(QLatin1Char(' '), end - 1) + 1;
    if (end < text.size() && space > at + kWidth / 2) end = space;
    if (at > 0) lines += QStringLiteral("<br>");
    lines += text.mid(at, end - at).toHtmlEscaped();
    at = end;
  }
  return lines + QStringLiteral("</qt>");
}

QString weight_text(double weight) {
  if (std::isnan(weight)) return QString(QChar(0x2013));
  const double size = std::abs(weight);
  if (size >= 0.001 || size == 0) return QLocale().toString(weight, 'f', 4);
  return QLocale().toString(weight, 'e', 1);
}

QString percent_text(double share) {
  if (std::isnan(share)) return QString(QChar(0x2013));
  if (share > 0 && share < 0.00005) return QString("<") + QLocale().toString(0.01) + QChar(0x202F) + '%';
  return QLocale().toString(share * 100, 'f', share < 0.0995 ? 2 : 1) + QChar(0x202F) + '%';
}

QString count_text(std::int64_t count) {
  return QLocale().toString(static_cast<qlonglong>(count));
}

}  // namespace bsbr
