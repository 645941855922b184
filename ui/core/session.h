#pragma once

#include <QString>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "ui/core/studio_state.h"

namespace bsbr {

/// What a person was doing: checkpoint, settings, text, selection. Stored as JSON.
struct Session {
  QString checkpoint;  ///< path or hub name; empty: none
  ConversionSettings settings;
  QString text;
  Chosen selection;
  QString tab;             ///< the tab in front
  bool converted = false;  ///< there was a conversion: opening makes it again

  /// Paths of the checkpoint, `text_file` and calibration are relative to the file's folder where they begin
  /// with "./" or "../". Throws Error(NotFound | Io | InvalidFile).
  static Session load(const std::filesystem::path& file);
  /// Throws Error(Io).
  void save(const std::filesystem::path& file) const;
};

}  // namespace bsbr
