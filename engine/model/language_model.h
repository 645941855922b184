#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/attention/bsbr_config.h"
#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/model/model_config.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

class Decoder;

/// A batch of token rows as transformers takes it. `mask` is empty (all real) or has 1 for tokens and 0 for
/// padding, which may stand at either end of a row.
struct TokenBatch {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<TokenId> ids;        ///< [rows, columns]
  std::vector<std::int64_t> mask;  ///< [rows, columns] or empty
};

/// Called with hidden state `index` (0: embedding, i: after layer i, the last one normed), [rows, columns,
/// width], zero where there is padding.
using HiddenSink = std::function<void(std::int64_t index, const std::vector<float>& values)>;

/// A checkpoint in memory, ready to run. Cheap to copy (the weights are shared), thread-safe.
class LanguageModel {
 public:
  /// Loads a checkpoint to "cpu" or "cuda" with the attention that its config.json names.
  /// It computes in `dtype`: float32, float16 or bfloat16; sums are in float32. Throws Error(InvalidFile |
  /// InvalidArgument | Unsupported | Device | OutOfMemory | Cancelled).
  static LanguageModel load(const Checkpoint& checkpoint, const std::string& device = "cpu",
                            const Job& job = {}, const std::string& dtype = "float32");

  /// The same weights with dense attention, or with BSBR. Throws Error(InvalidArgument) for settings out of
  /// range.
  [[nodiscard]] LanguageModel with_attention(const std::optional<BsbrConfig>& bsbr) const;

  /// The same model; in layer i a converted one attends densely from the first `tokens[i]` positions (in
  /// whole chunks), where that is faster (measure_crossover) and closer to the original.
  [[nodiscard]] LanguageModel with_dense_start(std::span<const std::int64_t> tokens) const;

  [[nodiscard]] const ModelConfig& config() const;
  /// What a person should know of the checkpoint, its settings and its weights: a line each, every cause
  /// once.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return source_->warnings; }
  /// The tensors that the model is made of, by their names in HuggingFace checkpoints, each with the name
  /// under which the checkpoint holds it: another one where two tensors are one. A tied head is not among
  /// them.
  [[nodiscard]] const std::map<std::string, std::string>& tensor_names() const {
    return source_->tensor_names;
  }

  /// Logits [rows, columns, vocabulary], zero where there is padding; row for row what the row has alone.
  /// Throws Error(InvalidArgument) for rows longer than the context, ids outside the vocabulary, masks with
  /// holes.
  [[nodiscard]] std::vector<float> logits(const TokenBatch& batch, const HiddenSink& on_hidden = {},
                                          const Job& job = {}) const;

  /// For the engine's own parts, which work on tensors.
  [[nodiscard]] const Decoder& decoder() const { return *decoder_; }

 private:
  struct Source {
    std::vector<std::string> warnings;
    std::map<std::string, std::string> tensor_names;
  };
  LanguageModel(std::shared_ptr<const Decoder> decoder, std::shared_ptr<const Source> source)
      : decoder_(std::move(decoder)), source_(std::move(source)) {}

  std::shared_ptr<const Decoder> decoder_;
  std::shared_ptr<const Source> source_;
};

}  // namespace bsbr
