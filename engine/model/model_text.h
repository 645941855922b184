#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/model/model_config.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// Throws Error(InvalidArgument) that names the first token of a text that the model does not embed: a
/// tokenizer may have more tokens than the model, as one that was given a padding token.
void check_embedded(std::span<const TokenId> ids, const Tokenizer& tokenizer, const ModelConfig& config);

/// A text's tokens as the model was trained to read one, with what the tokenizer's files put around it.
/// Throws as Tokenizer::encode_with_special and check_embedded do.
std::vector<TokenId> encode_for_model(std::string_view text, const Tokenizer& tokenizer,
                                      const ModelConfig& config);

}  // namespace bsbr
