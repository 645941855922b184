#include <array>
#include <string>
#include <utility>

#include "engine/base/error.h"
#include "engine/tokenizer/merges_file.h"
#include "engine/tokenizer/tokenizer_parts.h"

namespace bsbr {
namespace {

// tokenizer.ggml.token_type; byte and unused tokens are as normal ones here.
enum Type : std::int32_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

[[noreturn]] void invalid(const char* entry, const std::string& what) {
  throw Error(ErrorKind::InvalidFile, cat("tokenizer.ggml.", entry, " ", what));
}

struct Kind {
  const char* name;  // tokenizer.ggml.pre
  PreTokenizer (*split)();
  bool ignore_merges = false, nfc = false, add_bos = false;
};

// As each model's own tokenizer has it; the file does not say.
constexpr std::array kKinds = {
    Kind{"gpt-2", gpt2_pre_tokenizer},
    Kind{"default", gpt2_pre_tokenizer},
    Kind{"", gpt2_pre_tokenizer},
    Kind{"smollm", smollm_pre_tokenizer},
    Kind{.name = "llama-bpe", .split = llama3_pre_tokenizer, .ignore_merges = true, .add_bos = true},
    Kind{.name = "qwen2", .split = qwen2_pre_tokenizer, .nfc = true},
};

const Kind& kind_of(const std::string& pre) {
  for (const Kind& kind : kKinds) {
    if (pre == kind.name) return kind;
  }
  throw Error(ErrorKind::Unsupported, cat("tokenizer.ggml.pre is ", quoted(pre),
                                          "; gpt-2, default, smollm, llama-bpe and qwen2 are known"));
}

bool is_special(std::int32_t type, std::size_t id) {
  if (type < Normal || type > Byte) {
    invalid("token_type", cat("has ", type, " for the token ", id, "; 1 to 6 are known"));
  }
  return type == Control || type == UserDefined || type == Unknown;
}

}  // namespace

TokenizerParts read_gguf_vocabulary(const GgufVocabulary& gguf) {
  if (gguf.model != "gpt2") {
    throw Error(ErrorKind::Unsupported, cat("tokenizer.ggml.model is ", quoted(gguf.model),
                                            "; only gpt2, which is byte-level BPE, is known"));
  }
  const Kind& kind = kind_of(gguf.pre);
  const std::size_t count = gguf.tokens.size();
  if (!gguf.token_types.empty() && gguf.token_types.size() != count) {
    invalid("token_type", cat("has ", gguf.token_types.size(), " entries for ", count, " tokens"));
  }

  Vocabulary vocabulary("tokenizer.ggml.tokens", count);
  for (std::size_t id = 0; id < count; ++id) vocabulary.add(gguf.tokens[id], id);
  MergeTable merges;
  MergeAdder adder(vocabulary, merges);
  for (std::size_t i = 0; i < gguf.merges.size(); ++i) {
    if (const auto wrong = adder.add(gguf.merges[i])) invalid("merges", cat("is wrong at ", i, ": ", *wrong));
  }

  std::vector<SpecialToken> specials;
  for (std::size_t id = 0; id < count; ++id) {
    const bool ends = gguf.bos == TokenId(id) || gguf.eos == TokenId(id);
    const bool special = gguf.token_types.empty() ? ends : is_special(gguf.token_types[id], id);
    if (!special) continue;
    if (gguf.tokens[id].empty()) invalid("tokens", cat("has an empty text for the special token ", id));
    specials.push_back({gguf.tokens[id], TokenId(id)});
  }
  for (const auto& [name, id] : {std::pair("bos_token_id", gguf.bos), std::pair("eos_token_id", gguf.eos)}) {
    if (id && (*id < 0 || *id >= TokenId(count)))
      invalid(name, cat("is ", *id, ", but the ids are 0 to ", TokenId(count) - 1));
  }
  return assemble(
      {.vocabulary = std::move(vocabulary),
       .merges = std::move(merges),
       .split = kind.split(),
       .specials = std::move(specials),
       .ignore_merges = kind.ignore_merges,
       .nfc = kind.nfc,
       .missing_byte = Bpe::kLeftOut,
       .beginning_token = gguf.add_bos.value_or(kind.add_bos) ? gguf.bos : std::optional<TokenId>()});
}

}  // namespace bsbr
