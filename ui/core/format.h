#pragma once

#include <QString>
#include <cstdint>

/// Numbers as people read them, in the language of the desktop.
namespace bsbr::format {

/// "12,345".
QString count(std::int64_t number);
/// "1.5 MiB".
QString bytes(std::int64_t bytes);
/// "12.3 %", with more digits below 1 %.
QString percent(double share);
/// "2.55 s", "830 ms", "9.98 ms".
QString milliseconds(double ms);
/// Of a KL divergence: two significant digits, as "0.0034".
QString nats(double value);
/// Fixed-point.
QString fixed(double value, int digits);
/// "12 s", "3 min".
QString duration(double seconds);
/// "134.5 M", "1.24 B".
QString parameters(std::int64_t count);

}  // namespace bsbr::format
