#include "engine/tokenizer/tokenizer.h"

#include <algorithm>

#include "engine/base/utf8.h"
#include "engine/tokenizer/piece_cache.h"
#include "engine/tokenizer/tokenizer_parts.h"

namespace bsbr {
namespace {

// Encodes one text; the stretches between its special tokens one after the other.
class Encoder {
 public:
  Encoder(const TokenizerParts& parts, std::string_view text)
      : parts_(parts), scan_(parts.split), cache_(text) {}

  void stretch(std::string_view text) {
    std::size_t valid = valid_utf8_prefix(text);
    while (!text.empty()) {
      scan_.start(text.substr(0, valid));
      for (std::string_view piece = scan_.next(); !piece.empty(); piece = scan_.next()) encode(piece);
      text.remove_prefix(valid);

      std::size_t invalid = 0;
      for (valid = 0; invalid < text.size() && valid == 0;) valid = valid_utf8_prefix(text.substr(++invalid));
      if (invalid > 0) encode(text.substr(0, invalid));
      text.remove_prefix(invalid);
    }
  }
  void special(TokenId id) { ids_.push_back(id); }

  [[nodiscard]] std::vector<TokenId> take() { return std::move(ids_); }

 private:
  void encode(std::string_view piece) {
    cache_.encode(piece, ids_,
                  [this](std::string_view part, std::vector<TokenId>& ids) { parts_.bpe.encode(part, ids); });
  }

  const TokenizerParts& parts_;
  SplitPattern::Scan scan_;
  PieceCache cache_;
  std::vector<TokenId> ids_;
};

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  return Tokenizer(std::make_shared<const TokenizerParts>(read_gpt2_folder(folder)));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  Encoder encoder(*parts_, text);
  std::size_t at = 0;
  while (const auto hit = parts_->specials.find(text, at)) {
    encoder.stretch(text.substr(at, hit->begin - at));
    encoder.special(hit->id);
    at = hit->end;
  }
  encoder.stretch(text.substr(at));
  return encoder.take();
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string bytes;
  for (const TokenId id : ids) bytes += parts_->tokens.bytes(id);
  return bytes;
}

std::string Tokenizer::decode(TokenId id) const {
  return std::string(parts_->tokens.bytes(id));
}

std::int64_t Tokenizer::vocabulary_size() const {
  return parts_->tokens.end();
}

std::optional<TokenId> Tokenizer::special_token(std::string_view text) const {
  return parts_->specials.id(text);
}

}  // namespace bsbr
