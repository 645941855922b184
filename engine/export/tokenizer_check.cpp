#include "engine/export/tokenizer_check.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/gguf_file.h"
#include "engine/model/checkpoint_tokenizer.h"

namespace bsbr {
namespace {

using namespace std::string_view_literals;

/// What tokenizers split, normalise and count in different ways.
constexpr std::array kTexts{
    ""sv,
    " "sv,
    "\n"sv,
    "Hello there, it was the best of times."sv,
    " it  was   the\tworst\n\n of \r\n times \n"sv,
    "It's we're I'LL THEY'D 's I’m 'tis don''t"sv,
    "1234567890 3.14159 1,000 x12y ²½Ⅷ ٣٤"sv,
    "def f(x):\n    return x ** 2  # done\n\n\n"sv,
    "http://www.a.org/~b?c=d&e=%20f; <a href=\"x\">y</a>"sv,
    "na\u00efve cafe\u0301 A\u030a \u1e9b\u0323 \ufb01 \uac00\u1100\u1161"sv,
    "日本語のテキスト 中文，文字。 한국어 عربى עברית ไทย"sv,
    "👩‍👩‍👧‍👦 🇫🇷 😀😀 ☕\ufe0f"sv,
    "\u00a0nbsp\u2003em\u3000x\u200b\ufeff\u0085\u2028"sv,
    "\u2581 \u2581a <0x41> <unk> </s> <s> \u0120\u010a"sv,
    "\x01\x7f a\0b"sv,
    "\xff\xfe bytes \xe2\x82 that are no text \xc0\x80"sv,
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"sv,
};

/// What a call gives, or nothing where it throws: of both sides the same is expected.
template <class Call>
auto result_of(const Call& call) -> std::optional<decltype(call())> {
  try {
    return call();
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string in_words(std::string_view text) {
  return nlohmann::json(std::string(text)).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

/// Counts the texts on which two tokenizers agree, up to the first on which they do not.
class Comparison {
 public:
  Comparison(const Tokenizer& source, const Tokenizer& written) : source_(source), written_(written) {}

  void run() {
    if (source_.vocabulary_size() != written_.vocabulary_size()) differ("the number of tokens");
    if (source_.beginning_token() != written_.beginning_token()) differ("the token that begins a text");
    for (const std::string_view text : kTexts) compare(text);
    for (TokenId id = 0; id < source_.vocabulary_size() && difference_.empty(); ++id) compare(id);
  }
  [[nodiscard]] std::size_t texts() const { return texts_; }
  /// The first one, in words; empty: none.
  [[nodiscard]] const std::string& difference() const { return difference_; }

 private:
  void differ(std::string what) {
    if (difference_.empty()) difference_ = std::move(what);
  }

  void compare(std::string_view text) {
    const auto ids = [&](const Tokenizer& tokenizer) {
      return result_of([&] { return tokenizer.encode_with_special(text); });
    };
    const auto plain = [&](const Tokenizer& tokenizer) {
      return result_of([&] { return tokenizer.encode(text); });
    };
    const auto expected = ids(source_);
    if (expected != ids(written_) || plain(source_) != plain(written_)) {
      differ("the ids of " + in_words(text));
    } else if (expected && decoded(source_, *expected) != decoded(written_, *expected)) {
      differ("the text of the ids of " + in_words(text));
    }
    ++texts_;
  }

  void compare(TokenId id) {
    const std::array one{id};
    const auto text = decoded(source_, one);
    if (text != decoded(written_, one)) return differ(cat("the text of token ", id));
    if (!text || text->empty()) return;  // there is no such token
    const auto special = source_.special_token(*text);
    if (special != written_.special_token(*text))
      return differ(cat("what is special about ", in_words(*text)));
    compare(*text);
    if (special) compare(cat("a ", *text, " b"));  // it may take the spaces around it
  }

  static std::optional<std::string> decoded(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
    return result_of([&] { return tokenizer.decode(ids); });
  }

  const Tokenizer& source_;
  const Tokenizer& written_;
  std::size_t texts_ = 0;
  std::string difference_;
};

/// A conversation as the template writes it that `open` gives; nothing where there is none that this program
/// runs.
template <class Open>
std::optional<std::string> conversation(const Open& open) {
  const std::vector<ChatMessage> messages{
      {"system", " Be kind. "}, {"user", "What is\nthe tide? "}, {"assistant", "Water."}, {"user", "Why?"}};
  return result_of([&] {
    const std::optional<ChatTemplate> chat = open();
    if (!chat) throw Error(ErrorKind::NotFound, "no chat template");
    return render_chat(*chat, messages, true);
  });
}

/// Nothing, and the reason, for a folder whose tokenizer is not there or of a kind that this program does not
/// read.
std::optional<Tokenizer> open_source(const Checkpoint& source, std::string& reason) {
  try {
    return open_tokenizer(source);
  } catch (const Error& error) {
    const bool other = error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::Unsupported;
    if (source.gguf() != nullptr || !other) throw;
    reason = error.what();
    return std::nullopt;
  }
}

[[noreturn]] void differ(const Checkpoint& source, const std::filesystem::path& written,
                         const std::string& difference) {
  if (const auto gguf = source.gguf()) {
    throw Error(ErrorKind::Unsupported,
                cat(gguf->path().string(), ": its tokenizer cannot be exported: written as tokenizer.json, ",
                    difference, "; convert the folder that the file was made from"));
  }
  throw Error(ErrorKind::Io, cat(written.string(), ": the tokenizer's files are not what was copied: ",
                                 difference, "; the disk or its memory may be faulty"));
}

/// Counts the texts on which the written tokenizer is the same.
std::size_t compare(const Checkpoint& source, const Tokenizer& tokenizer,
                    const std::filesystem::path& written) {
  const Tokenizer reopened = [&] {
    try {
      return Tokenizer::load(written);
    } catch (const Error& error) {
      differ(source, written, cat("it cannot be opened (", error.what(), ")"));
    }
  }();
  Comparison comparison(tokenizer, reopened);
  comparison.run();
  if (!comparison.difference().empty()) differ(source, written, comparison.difference() + " would differ");
  return comparison.texts();
}

}  // namespace

TokenizerCheck check_tokenizer(const Checkpoint& source, const std::filesystem::path& written) {
  TokenizerCheck check;
  if (const auto tokenizer = open_source(source, check.not_checked))
    check.texts = compare(source, *tokenizer, written);
  const auto chat = conversation([&] { return open_chat_template(source); });
  if (chat != conversation([&] { return read_chat_template(written); }))
    differ(source, written, "what the chat template writes would differ");
  check.chat = chat.has_value();
  return check;
}

}  // namespace bsbr
