#pragma once

#include <optional>
#include <string>

#include "engine/analysis/fidelity.h"
#include "engine/attention/bsbr_config.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/export/tokenizer_check.h"
#include "engine/model/model_config.h"

namespace bsbr {

/// README.md of a converted checkpoint, with the front matter that the HuggingFace hub reads: the licence is
/// the one that the original's own card or GGUF file names. `dtype`: what the weights were rounded to, if
/// they were. `tokenizer`: how its tokenizer was checked. `check`: what the conversion kept of the original
/// on a text, where that was measured.
std::string model_card(const Checkpoint& source, const ModelConfig& model, const BsbrConfig& bsbr,
                       std::optional<Dtype> dtype, const TokenizerCheck& tokenizer,
                       const Fidelity* check = nullptr);

}  // namespace bsbr
