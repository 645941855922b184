#pragma once

#include "ui/core/studio_state.h"

namespace bsbr {

struct OpenedResult {
  OpenedModel model;
  std::optional<LanguageModel> converted;  ///< where the checkpoint is a conversion
};

/// Opens and loads a checkpoint, which is fetched first where it is a name that the hub cache lacks, and
/// measures what the machine reaches with it. Throws Error.
OpenedResult open_model(const std::string& path_or_name, const Job& job);

/// Settings that a model of `context` positions can have, near those given.
ConversionSettings fitting(ConversionSettings settings, std::int64_t context);

/// The text as the model reads it. Throws as encode_for_model does.
TokenizedText tokenize_text(const Tokenizer& tokenizer, const ModelConfig& config, const QString& text);

}  // namespace bsbr
