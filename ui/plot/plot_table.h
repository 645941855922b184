#pragma once

#include <QString>
#include <QStringList>

#include <vector>

namespace bsbr {

/// What a plot shows, as numbers.
struct PlotTable {
  QStringList header;
  std::vector<std::vector<double>> rows;  ///< each as long as the header; NaN: nothing
  /// What the numbers in the first column stand for, if they number something.
  QStringList names;

  /// Comma-separated with a header line, '.' for decimals, nothing where there is no number (RFC 4180).
  [[nodiscard]] QString csv() const;
};

}  // namespace bsbr
