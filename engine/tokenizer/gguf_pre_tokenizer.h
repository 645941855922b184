#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

/// How a byte-level vocabulary of a GGUF file is used, which the file says by a name only
/// (tokenizer.ggml.pre). Names and flags are llama.cpp's (https://github.com/ggml-org/llama.cpp,
/// src/llama-vocab.cpp), the regular expressions those of the models' own tokenizer.json. Normalisation,
/// which llama.cpp leaves out, is as the models' own tokenizers have it.
struct GgufPreTokenizer {
  std::vector<std::string_view> names;
  std::vector<std::string_view> splits = {};  ///< one after the other; as tokenizer.json writes them
  bool gpt2_split = false;                    ///< after those
  bool ignore_merges = false;                 ///< a piece that is a token needs no merges
  bool nfc = false;
  bool add_bos = false;  ///< unless the file says otherwise
};

/// The one that `pre` names. Throws Error(Unsupported) if it is not known.
const GgufPreTokenizer& gguf_pre_tokenizer(const std::string& pre);

/// Whether a token type (tokenizer.ggml.token_type) is looked for in the text: unknown, control,
/// user-defined.
bool is_special_gguf_type(int type);

}  // namespace bsbr
