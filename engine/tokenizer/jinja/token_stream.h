#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/tokenizer/jinja/lexer.h"

namespace bsbr::jinja {

/// A template's tokens, one after the other.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] const Token& now() const { return tokens_[at_]; }
  [[nodiscard]] const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  [[nodiscard]] bool at(Token::Kind kind) const { return now().kind == kind; }
  [[nodiscard]] bool at_operator(std::string_view text) const {
    return now().is(Token::Kind::Operator, text);
  }
  [[nodiscard]] bool at_name(std::string_view text) const { return now().is(Token::Kind::Name, text); }

  const Token& next() {
    const Token& token = now();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool skip_operator(std::string_view text) { return at_operator(text) && (next(), true); }
  bool skip_name(std::string_view text) { return at_name(text) && (next(), true); }

  const Token& expect(Token::Kind kind, std::string_view what) {
    if (!at(kind)) unexpected(what);
    return next();
  }
  void expect_operator(std::string_view text) {
    if (!skip_operator(text)) unexpected(cat("'", text, "'"));
  }
  void expect_name(std::string_view text) {
    if (!skip_name(text)) unexpected(cat("'", text, "'"));
  }

  /// Throws Error(InvalidFile) that says what is here, and what should be.
  [[noreturn]] void unexpected(std::string_view wanted) const {
    invalid(cat("has ", describe(now()), " where ", wanted, " is expected"));
  }
  [[noreturn]] void invalid(std::string_view what) const {
    throw Error(ErrorKind::InvalidFile, cat("line ", now().line, ": ", what));
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    throw Error(ErrorKind::Unsupported, cat("line ", now().line, ": ", what));
  }

 private:
  static std::string describe(const Token& token) {
    switch (token.kind) {
      case Token::Kind::Literal:
        return "text";
      case Token::Kind::OutputBegin:
        return "'{{'";
      case Token::Kind::OutputEnd:
        return "'}}'";
      case Token::Kind::BlockBegin:
        return "'{%'";
      case Token::Kind::BlockEnd:
        return "'%}'";
      case Token::Kind::String:
        return "a string";
      case Token::Kind::End:
        return "its end";
      default:
        return cat("'", token.text.substr(0, 40), "'");
    }
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace bsbr::jinja
