#include "ui/core/opening.h"

#include <algorithm>

#include "engine/hub/fetch.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/model_text.h"

namespace bsbr {

OpenedResult open_model(const std::string& path_or_name, const Job& job) {
  Checkpoint checkpoint = fetch_and_open(path_or_name, job);
  CheckpointSummary summary = summarize(checkpoint);
  Tokenizer tokenizer = open_tokenizer(checkpoint);
  LanguageModel loaded = LanguageModel::load(checkpoint, "cpu", job);
  std::optional<LanguageModel> converted;
  if (loaded.config().bsbr) converted = loaded;
  LanguageModel original = loaded.with_attention(std::nullopt);
  const Ceilings ceilings = measure_ceilings(original, job);
  return {{std::move(checkpoint), std::move(summary), std::move(tokenizer), std::move(original), ceilings},
          std::move(converted)};
}

ConversionSettings fitting(ConversionSettings settings, std::int64_t context) {
  // A few chunks must fit, or nothing is ever far.
  while (settings.chunk_size > settings.block_size && settings.chunk_size * 4 > context)
    settings.chunk_size /= 2;
  settings.retrieve = std::min(settings.retrieve, context);
  return settings;
}

TokenizedText tokenize_text(const Tokenizer& tokenizer, const ModelConfig& config, const QString& text) {
  TokenizedText result;
  result.text = text;
  result.ids = encode_for_model(text.toStdString(), tokenizer, config);
  result.pieces.reserve(result.ids.size());
  for (const TokenId id : result.ids) result.pieces.push_back(QString::fromStdString(tokenizer.decode(id)));
  return result;
}

}  // namespace bsbr
