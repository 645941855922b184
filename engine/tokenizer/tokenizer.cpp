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
    // The cache knows pieces by their place in the text.
    if (parts_.split.adds_spaces()) return parts_.bpe.encode(piece, ids_);
    cache_.encode(piece, ids_,
                  [this](std::string_view part, std::vector<TokenId>& ids) { parts_.bpe.encode(part, ids); });
  }

  const TokenizerParts& parts_;
  PreTokenizer::Scan scan_;
  PieceCache cache_;
  std::vector<TokenId> ids_;
};

// Calls stretch(part) for what lies between special tokens, and special(id) for those.
template <class Stretch, class Special>
void walk(const SpecialTokens& specials, std::string_view text, const Stretch& stretch,
          const Special& special) {
  std::size_t at = 0;
  while (const auto hit = specials.find(text, at)) {
    stretch(text.substr(at, hit->begin - at));
    special(hit->id);
    at = hit->end;
  }
  stretch(text.substr(at));
}

// A stretch of text up to `end`, or a special token there.
struct Segment {
  std::size_t end;
  std::optional<TokenId> special;
};

// Encodes the stretches between special tokens, normalised one by one.
std::vector<TokenId> encode_normalized(const TokenizerParts& parts, std::string_view text) {
  std::string normal;
  std::vector<Segment> segments;
  walk(
      parts.specials, text,
      [&](std::string_view part) {
        normal += parts.normalizer.apply(part);
        segments.push_back({normal.size(), std::nullopt});
      },
      [&](TokenId id) {
        segments.push_back({normal.size(), id});
      });

  Encoder encoder(parts, normal);
  const auto special = [&](TokenId id) { encoder.special(id); };
  std::size_t at = 0;
  for (const Segment& segment : segments) {
    if (segment.special) {
      special(*segment.special);
    } else {
      const std::string_view part = std::string_view(normal).substr(at, segment.end - at);
      walk(
          parts.normalized_specials, part, [&](std::string_view rest) { encoder.stretch(rest); }, special);
    }
    at = segment.end;
  }
  return encoder.take();
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  return Tokenizer(std::make_shared<const TokenizerParts>(read_tokenizer_folder(folder)));
}

Tokenizer Tokenizer::from_parts(const GgufVocabulary& gguf) {
  return Tokenizer(std::make_shared<const TokenizerParts>(read_gguf_vocabulary(gguf)));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  if (parts_->normalizer.may_change(text)) return encode_normalized(*parts_, text);
  Encoder encoder(*parts_, text);
  const auto special = [&](TokenId id) { encoder.special(id); };
  const auto stretch = [&](std::string_view part) { encoder.stretch(part); };
  walk(
      parts_->specials, text,
      [&](std::string_view part) { walk(parts_->normalized_specials, part, stretch, special); }, special);
  return encoder.take();
}

std::vector<TokenId> Tokenizer::encode_with_special(std::string_view text) const {
  std::vector<TokenId> ids = parts_->around.before;
  const std::vector<TokenId> inside = encode(text);
  ids.insert(ids.end(), inside.begin(), inside.end());
  ids.insert(ids.end(), parts_->around.after.begin(), parts_->around.after.end());
  return ids;
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
  const auto id = parts_->specials.id(text);
  return id ? id : parts_->normalized_specials.id(text);
}

std::optional<TokenId> Tokenizer::beginning_token() const {
  const std::vector<TokenId>& before = parts_->around.before;
  return before.empty() ? std::optional<TokenId>() : before.front();
}

}  // namespace bsbr
