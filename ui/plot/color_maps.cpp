#include "ui/plot/color_maps.h"

#include <algorithm>

namespace bsbr {

std::vector<ColorStop> color_stops(ColorMap map, bool dark) {
  const auto evenly = [](std::initializer_list<QRgb> colors) {
    std::vector<ColorStop> stops;
    for (const QRgb color : colors)
      stops.push_back({static_cast<double>(stops.size()) / static_cast<double>(colors.size() - 1),
                       QColor::fromRgb(color)});
    return stops;
  };
  if (map == ColorMap::Sequential) {
    return evenly({0xff440154, 0xff482878, 0xff3e4a89, 0xff31688e, 0xff26828e, 0xff1f9e89, 0xff35b779,
                   0xff6dcd59, 0xffb4de2c, 0xfffde725});
  }
  if (dark)
    return evenly({0xff9fd4ff, 0xff3d95d6, 0xff1f5585, 0xff202124, 0xff8a4b12, 0xffe08a2e, 0xffffd9a0});
  return evenly({0xff053c6e, 0xff2f7fbd, 0xffa3cbe6, 0xfff7f7f7, 0xfff6c08a, 0xffd97a1c, 0xff7f3a00});
}

std::vector<QRgb> color_table(ColorMap map, bool dark) {
  const std::vector<ColorStop> stops = color_stops(map, dark);
  std::vector<QRgb> table;
  for (int i = 0; i < 256; ++i) {
    const double at = i / 255.0;
    std::size_t next = 1;
    while (next + 1 < stops.size() && stops[next].position < at) ++next;
    const ColorStop& low = stops[next - 1];
    const ColorStop& high = stops[next];
    const double part = std::clamp((at - low.position) / (high.position - low.position), 0.0, 1.0);
    const auto mix = [part](int a, int b) { return qRound(a + part * (b - a)); };
    table.push_back(qRgb(mix(low.color.red(), high.color.red()), mix(low.color.green(), high.color.green()),
                         mix(low.color.blue(), high.color.blue())));
  }
  return table;
}

}  // namespace bsbr
