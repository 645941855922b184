#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/json_entry.h"
#include "engine/tokenizer/normalizer.h"
#include "engine/tokenizer/pre_tokenizer.h"

namespace bsbr {

/// A tokenizer class of HuggingFace's transformers 5 (models/*/tokenization_*.py) that makes its own
/// pipeline: of a tokenizer.json it takes the tokens, the merges and the post-processor.
struct TokenizerClass {
  std::string_view name;
  std::string_view bos, eos, unk, pad;  ///< the tokens of these roles if no file names one; empty: none
  bool qwen2_split = false;             ///< else GPT-2's
  bool nfc = false;
  bool plain_specials = false;  ///< tokens with a role match exactly, whatever their options say
  bool drops_post_processor = false;

  [[nodiscard]] PreTokenizer split(bool prefix_space) const;
  [[nodiscard]] Normalizer normalizer() const;
};

struct TokenizerClassChoice {
  const TokenizerClass* own = nullptr;  ///< null: the pipeline is what tokenizer.json says
  std::string reason;                   ///< for messages: the file and what it says
};

/// The class that AutoTokenizer takes (models/auto/tokenization_auto.py): Qwen2's for model_type "qwen2",
/// else the one that tokenizer_config.json or config.json names, else GPT-2's for "gpt2" and, unless there is
/// a tokenizer.json, where nothing says what the model is. Throws Error(Unsupported) for a class with a
/// pipeline that is not known here.
TokenizerClassChoice choose_tokenizer_class(const JsonEntry& tokenizer_config, const JsonEntry& config,
                                            bool has_tokenizer_json);

/// The regular expression of Qwen2's split, as tokenizer.json writes it.
extern const std::string_view kQwen2Split;

}  // namespace bsbr
