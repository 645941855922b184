#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bsbr {

using TokenId = std::int64_t;

struct TokenizerParts;

/// The tokenizer in a GGUF file's metadata (https://github.com/ggml-org/ggml, docs/gguf.md): what
/// tokenizer.ggml.model, pre, tokens, merges, token_type, the ids of tokens with a role, add_bos_token and
/// add_eos_token hold. An id that no token has counts as absent.
struct GgufVocabulary {
  std::string model;                      ///< "gpt2": byte-level BPE
  std::string pre;                        ///< how text is split; empty if the file does not say
  std::vector<std::string> tokens;        ///< by id, in the byte alphabet; special ones as they are
  std::vector<std::string> merges;        ///< "left right", the best first
  std::vector<std::int32_t> token_types;  ///< by id; empty if the file does not say
  std::optional<TokenId> bos, eos, unk, pad;
  std::optional<bool> add_bos, add_eos;
  std::string architecture = {};  ///< general.architecture

  /// Whether a token is looked for in texts as it is.
  [[nodiscard]] bool is_special(std::size_t id) const;
  /// `id`, if a token has it.
  [[nodiscard]] std::optional<TokenId> known(std::optional<TokenId> id) const;
  /// What is put before and after a text. Throws Error(Unsupported) for a pre-tokenizer that is not known.
  [[nodiscard]] std::optional<TokenId> first_token() const;
  [[nodiscard]] std::optional<TokenId> last_token() const;
};

/// Byte-level byte-pair encoding, as GPT-2 has it (https://github.com/openai/gpt-2, encoder.py), with the
/// splits, normalisation and added tokens of those that came after. Thread-safe after loading; cheap to copy.
class Tokenizer {
 public:
  /// Reads a checkpoint's folder as AutoTokenizer of HuggingFace's transformers 5 does: tokenizer.json, or
  /// vocab.json and merges.txt, and what tokenizer_config.json, special_tokens_map.json, added_tokens.json
  /// and config.json say of them. Throws Error(NotFound | InvalidFile | Io), and Error(Unsupported) that
  /// names what this program cannot do.
  static Tokenizer load(const std::filesystem::path& folder);

  /// From a GGUF file's metadata, split as its pre-tokenizer says (engine/tokenizer/gguf_pre_tokenizer.h).
  /// Tokens of the types control, user-defined and unknown are special. Throws Error(InvalidFile), and
  /// Error(Unsupported) for other models than byte-level BPE and other pre-tokenizers.
  static Tokenizer from_parts(const GgufVocabulary& gguf);

  /// Token ids of any bytes: valid UTF-8 is normalised and split as the files say, invalid bytes are kept as
  /// they are. Special tokens written out in the text (e.g. <|endoftext|>) become their ids. Nothing is
  /// added. Throws Error(InvalidArgument) for 4 GiB without a place to split.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const;

  /// The same with what the files put before and after a text, as the model was trained to read one.
  [[nodiscard]] std::vector<TokenId> encode_with_special(std::string_view text) const;

  /// The bytes of the tokens, special tokens as their text. decode(encode(x)) == x for any bytes, unless the
  /// files ask for a normal form, a space before the text, a split that removes something, or special tokens
  /// that take the space around them, or their vocabulary has no tokens for some bytes (SmolLM2's: 21 rare
  /// ones), which are then left out. Nothing for an id that no token has: embeddings may have more rows than
  /// there are tokens. Spaces are left as they are, whatever clean_up_tokenization_spaces says: transformers
  /// 5 ignores that for BPE. Throws Error(InvalidArgument) for a negative id.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids) const;
  [[nodiscard]] std::string decode(TokenId id) const;

  /// One more than the largest id.
  [[nodiscard]] std::int64_t vocabulary_size() const;
  /// The id of a special token's exact text, or nothing.
  [[nodiscard]] std::optional<TokenId> special_token(std::string_view text) const;
  /// The first of the tokens that encode_with_special() puts before every text (as Llama 3 wants it). Nothing
  /// if there is none.
  [[nodiscard]] std::optional<TokenId> beginning_token() const;

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerParts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const TokenizerParts> parts_;
};

}  // namespace bsbr
