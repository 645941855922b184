#pragma once

#include <QString>

#include <cstdint>

namespace bsbr {

/// The last place up to `at` that does not cut what a person sees as one character; `at` itself where that
/// would be far before it.
qsizetype whole_until(QStringView text, qsizetype at);
/// Cut in the middle where it has more characters than `most`.
QString shortened(const QString& text, qsizetype most);
/// In quotation marks, line ends and tabs made visible, cut in the middle where it has more characters.
QString quoted_text(QString text, qsizetype most);
/// For a tooltip, which Qt neither wraps nor shows as it is where it looks like HTML.
QString tool_tip(const QString& text);
/// A weight or mass: four decimals, or a power of ten where that shows nothing.
QString weight_text(double weight);
/// "12.3 %", "1.23 %", "<0.01 %".
QString percent_text(double share);
/// "12,345".
QString count_text(std::int64_t count);

}  // namespace bsbr
