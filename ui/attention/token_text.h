#pragma once

#include <QString>

#include <cstdint>

namespace bsbr {

/// In quotation marks, line ends and tabs made visible, cut in the middle where it has more characters.
QString quoted_text(QString text, qsizetype most);
/// A weight or mass: four decimals, or a power of ten where that shows nothing.
QString weight_text(double weight);
/// "12.3 %", "1.23 %", "<0.01 %".
QString percent_text(double share);
/// "12,345".
QString count_text(std::int64_t count);

}  // namespace bsbr
