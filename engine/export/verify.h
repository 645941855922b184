#pragma once

#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// Checks a written checkpoint against its source: every tensor has the same bytes, and a forward pass of the
/// re-opened checkpoint gives exactly the logits of `converted`, the model in memory. Throws Error(Io) naming
/// the difference.
void verify_export(const Checkpoint& source, const Checkpoint& written, const LanguageModel& converted,
                   const Job& job = {});

}  // namespace bsbr
