#pragma once

#include <filesystem>

#include "engine/analysis/fidelity.h"
#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/model/language_model.h"

namespace bsbr {

struct ExportReport {
  std::filesystem::path folder;  ///< where it lies, absolute
  std::uint64_t bytes;           ///< of all files
  std::size_t tensors;
};

/// Refuses a destination that export_checkpoint would refuse: to be asked before long work for it. Nothing is
/// left behind. Throws Error(InvalidArgument | NotFound | Io).
void check_destination(const Checkpoint& source, const std::filesystem::path& destination, bool force);

/// Writes `converted`, which was made from `source`, as a HuggingFace folder: config.json with the original's
/// keys, `bsbr` and `auto_map`, python_files(), model.safetensors with bit-identical tensors, the tokenizer's files,
/// generation_config.json where there is one, a model card. It is written beside the destination, flushed,
/// re-opened, verified, and put in place in one step; until then, and on any error, the destination is as it
/// was. `check`, if given, goes into the model card. `force` replaces an existing checkpoint folder; another
/// kind of folder or a file is never replaced. Throws Error(InvalidArgument | NotFound | Io | Cancelled).
ExportReport export_checkpoint(const Checkpoint& source, const LanguageModel& converted,
                               const std::filesystem::path& destination, bool force, const Job& job = {},
                               const Fidelity* check = nullptr);

}  // namespace bsbr
