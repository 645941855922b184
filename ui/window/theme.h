#pragma once

#include <QIcon>
#include <QPalette>
#include <optional>

namespace bsbr {

/// Plain, on every desktop: Fusion's shapes with the desktop's colours, or with these where a theme is asked
/// for.
enum class Theme { Light, Dark };
void apply_theme(std::optional<Theme> theme);
QPalette palette_of(Theme theme);

/// The program's icon, from resources/; empty where Qt cannot draw SVG.
QIcon studio_icon();

}  // namespace bsbr
