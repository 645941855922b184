#include "ui/plot/plot_colors.h"

#include <array>

namespace bsbr {

PlotColors::PlotColors(const QPalette& palette)
    : background_(palette.color(QPalette::Base)),
      text_(palette.color(QPalette::Text)),
      dark_(background_.lightness() < text_.lightness()) {}

QColor PlotColors::mixed(double part) const {
  const auto mix = [part](int below, int above) { return qRound(below + part * (above - below)); };
  return {mix(background_.red(), text_.red()), mix(background_.green(), text_.green()),
          mix(background_.blue(), text_.blue())};
}

QColor PlotColors::series(int index) const {
  static constexpr std::array<QRgb, 6> kOnLight{0xff0072b2, 0xffd55e00, 0xff009e73,
                                                0xffcc79a7, 0xff8a6d00, 0xff555555};
  static constexpr std::array<QRgb, 6> kOnDark{0xff56b4e9, 0xffff9e4a, 0xff2fd0a0,
                                               0xffe6a3cb, 0xfff0e442, 0xffbbbbbb};
  const auto& colors = dark_ ? kOnDark : kOnLight;
  return QColor::fromRgb(colors[static_cast<std::size_t>(index) % colors.size()]);
}

}  // namespace bsbr
