#pragma once

#include <QColor>

#include <vector>

namespace bsbr {

/// From the least to the greatest, or from the most negative over nothing to the most positive.
enum class ColorMap { Sequential, Diverging };

/// A colour and where it stands, 0 to 1.
struct ColorStop {
  double position;
  QColor color;
};

/// Sequential: dark violet over green to yellow, even in lightness, so that it can be read in grey and by the
/// colour-blind (viridis, by S. van der Walt and N. Smith, CC0: https://bids.github.io/colormap). Diverging:
/// blue over the background's grey to orange.
std::vector<ColorStop> color_stops(ColorMap map, bool dark);

/// 256 colours of the map, from first to last.
std::vector<QRgb> color_table(ColorMap map, bool dark);

}  // namespace bsbr
