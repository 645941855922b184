#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "engine/analysis/fidelity.h"
#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/export/tokenizer_check.h"
#include "engine/model/language_model.h"

namespace bsbr {

struct ExportOptions {
  bool force = false;  ///< replace an existing checkpoint folder; another kind of folder or a file never is
  /// F32, F16 or BF16: weights are rounded to it; nothing: they are written as they are.
  std::optional<Dtype> dtype;
  /// Files of weights are no larger, unless a single tensor is.
  std::uint64_t shard_bytes = 5'000'000'000;
  /// Makes the text on which the re-opened checkpoint is held against the original; without it, or where that
  /// has fewer than 2 tokens, nothing is measured. Asked only where something has to be.
  std::function<std::vector<TokenId>()> check_text;
  /// What `converted` gave on a text: it is not measured again where the weights keep their bits.
  std::optional<Fidelity> check;
};

struct ExportReport {
  std::filesystem::path folder;  ///< where it lies, absolute
  std::uint64_t bytes;           ///< of all files
  std::size_t tensors;
  std::size_t left_out;              ///< tensors of the original that its model is not made of
  bool same_bits;                    ///< all tensors have the original's type and bits
  TokenizerCheck tokenizer;          ///< re-opened, and compared with the original's
  std::optional<Fidelity> fidelity;  ///< of the re-opened checkpoint
};

/// Refuses a destination, and a tokenizer, that export_checkpoint would refuse: to be asked before long work
/// for it. Nothing is left behind. Throws Error(InvalidArgument | InvalidFile | NotFound | Unsupported | Io).
void check_destination(const Checkpoint& source, const std::filesystem::path& destination,
                       const ExportOptions& options = {});

/// Writes `converted`, which was made from `source`, as a HuggingFace folder: config.json with the original's
/// keys, `bsbr` and `auto_map`, the weights (write_weights), the files that transformers runs it with
/// (python_files), the tokenizer's files, generation_config.json and the licence (write_companion_files), a
/// model card with what was measured. It is written beside the destination, flushed, re-opened, verified
/// (check_tokenizer, verify_export), and put in place in one step; until then, and on any error, the
/// destination is as it was. Throws Error(InvalidArgument | InvalidFile | NotFound | Unsupported | Io |
/// Cancelled).
ExportReport export_checkpoint(const Checkpoint& source, const LanguageModel& converted,
                               const std::filesystem::path& destination, const ExportOptions& options = {},
                               const Job& job = {});

}  // namespace bsbr
