#pragma once

#include <QColor>
#include <QPalette>

namespace bsbr {

/// Colours of a plot on a palette, light or dark. The series are told apart by people with any kind of colour
/// blindness (after Okabe and Ito, https://jfly.uni-koeln.de/color/) and stand out from the background.
class PlotColors {
 public:
  explicit PlotColors(const QPalette& palette);

  [[nodiscard]] bool dark() const { return dark_; }
  [[nodiscard]] QColor background() const { return background_; }
  [[nodiscard]] QColor text() const { return text_; }
  [[nodiscard]] QColor faint() const { return mixed(0.55); }  ///< for axes and secondary text
  [[nodiscard]] QColor muted() const { return mixed(0.3); }   ///< for data behind other data
  [[nodiscard]] QColor grid() const { return mixed(0.12); }
  /// Where there are no data, as above a causal diagonal.
  [[nodiscard]] QColor empty() const { return mixed(0.06); }
  /// Original, converted, and further ones; repeats after 6.
  [[nodiscard]] QColor series(int index) const;

  static constexpr int kOriginal = 0;
  static constexpr int kConverted = 1;

 private:
  /// Background with so much of the text's colour.
  [[nodiscard]] QColor mixed(double part) const;

  QColor background_, text_;
  bool dark_;
};

}  // namespace bsbr
