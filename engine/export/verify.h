#pragma once

#include <optional>
#include <span>

#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// Checks a written checkpoint against its source: every exported tensor has the bytes that it has there,
/// weights rounded to `dtype` if that is given (Recast), and if none had to be rounded, a forward pass of the
/// re-opened checkpoint gives exactly the logits of `converted`, the model in memory; texts end with
/// the same tokens. Returns the re-opened model. Throws Error(Io) naming the difference.
LanguageModel verify_export(std::span<const TensorView> tensors, const Checkpoint& written,
                            const LanguageModel& converted, std::optional<Dtype> dtype, const Job& job = {});

}  // namespace bsbr
