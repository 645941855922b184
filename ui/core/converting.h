#pragma once

#include "ui/core/studio_state.h"

namespace bsbr {

/// Converts as the settings say: plans on the calibration text and checks the plan on other text, or gives
/// every head the same. Throws Error.
ConvertedModel convert_model(const OpenedModel& opened, const ConversionSettings& settings, const Job& job);

/// What to plan from and to check on. Throws Error for texts that are missing or too short.
PlanTexts calibration_texts(const OpenedModel& opened, const ConversionSettings& settings);

}  // namespace bsbr
