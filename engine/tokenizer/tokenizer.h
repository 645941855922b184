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

/// Byte-level byte-pair encoding, as GPT-2 has it (https://github.com/openai/gpt-2, encoder.py).
/// Thread-safe after loading; cheap to copy.
class Tokenizer {
 public:
  /// Reads vocab.json, merges.txt and, where they are, added_tokens.json, special_tokens_map.json and
  /// tokenizer_config.json from a checkpoint's folder. Throws Error(NotFound | InvalidFile | Io), and
  /// Error(Unsupported) for other formats and for folders that say they split text otherwise than GPT-2.
  static Tokenizer load(const std::filesystem::path& folder);

  /// Token ids of any bytes: valid UTF-8 is split as GPT-2 splits it, invalid bytes are kept as they are.
  /// Special tokens written out in the text (e.g. <|endoftext|>) become their ids. Nothing is added.
  /// Throws Error(InvalidArgument) for 4 GiB without a place to split.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const;

  /// The bytes of the tokens, special tokens as their text; decode(encode(x)) == x for any bytes.
  /// Throws Error(InvalidArgument) for an id that is not in the vocabulary.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids) const;
  [[nodiscard]] std::string decode(TokenId id) const;

  /// One more than the largest id.
  [[nodiscard]] std::int64_t vocabulary_size() const;
  /// The id of a special token's exact text, or nothing.
  [[nodiscard]] std::optional<TokenId> special_token(std::string_view text) const;

 private:
  explicit Tokenizer(std::shared_ptr<const TokenizerParts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const TokenizerParts> parts_;
};

}  // namespace bsbr
