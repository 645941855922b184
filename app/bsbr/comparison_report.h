#pragma once

#include <ostream>
#include <string>

#include "engine/analysis/comparison.h"
#include "engine/model/model_config.h"

namespace bsbr::cli {

/// The first tokens of a text, for one pass of a model: `length` of them, or as many as text and context
/// allow. `source` and `option` are what messages call the text and the length. Throws Error(InvalidArgument)
/// for an empty text, for fewer tokens than asked for and for more than the context.
std::vector<TokenId> take_tokens(const std::vector<TokenId>& text, std::optional<std::int64_t> length,
                                 const ModelConfig& model, const std::string& source,
                                 const std::string& option);

/// What is compared, in two lines: the model, and how it is converted.
void print_models(std::ostream& out, const ModelConfig& converted, const std::string& name);

/// The comparison as a table for people.
void print_report(std::ostream& out, const Comparison& comparison, const ModelConfig& converted,
                  const std::string& name, const std::string& text_name);

}  // namespace bsbr::cli
