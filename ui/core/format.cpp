#include "ui/core/format.h"

#include <QLocale>
#include <algorithm>
#include <array>
#include <cmath>

namespace bsbr::format {

QString count(std::int64_t number) {
  return QLocale().toString(static_cast<qlonglong>(number));
}

QString fixed(double value, int digits) {
  return QLocale().toString(value, 'f', digits);
}

QString bytes(std::int64_t bytes) {
  static constexpr std::array kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fixed(value, unit == 0 || value >= 100 ? 0 : 1) + QChar(0xA0) + QString::fromLatin1(kUnits[unit]);
}

QString percent(double share) {
  const double value = 100 * share;
  return fixed(value, value > 0 && value < 1 ? 2 : 1) + QStringLiteral("\u00A0%");
}

QString milliseconds(double ms) {
  if (ms >= 1000) return fixed(ms / 1000, ms >= 100'000 ? 0 : 2) + QStringLiteral("\u00A0s");
  return fixed(ms, ms >= 100 ? 0 : ms >= 10 ? 1 : 2) + QStringLiteral("\u00A0ms");
}

QString nats(double value) {
  if (value <= 0) return fixed(0, 1);
  const int digits = 1 - static_cast<int>(std::floor(std::log10(value)));
  return fixed(value, std::clamp(digits, 1, 7));
}

QString duration(double seconds) {
  if (seconds < 99.5) return fixed(std::max(1.0, seconds), 0) + QStringLiteral("\u00A0s");
  return fixed(seconds / 60, 0) + QStringLiteral("\u00A0min");
}

QString parameters(std::int64_t count) {
  const auto value = static_cast<double>(count);
  if (value >= 1e9) return fixed(value / 1e9, 2) + QStringLiteral("\u00A0B");
  if (value >= 1e6) return fixed(value / 1e6, 1) + QStringLiteral("\u00A0M");
  return format::count(count);
}

}  // namespace bsbr::format
