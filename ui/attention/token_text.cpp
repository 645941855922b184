#include "ui/attention/token_text.h"

#include <QLocale>

#include <cmath>

namespace bsbr {

QString quoted_text(QString text, qsizetype most) {
  text.replace('\n', QChar(0x21B5)).replace('\t', QChar(0x21E5)).remove('\r');
  if (text.size() > most) text = text.left(most * 2 / 3) + QChar(0x2026) + text.right(most / 3);
  return QChar(0x201C) + text + QChar(0x201D);
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
