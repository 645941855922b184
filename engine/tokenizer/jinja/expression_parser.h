#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/ast.h"
#include "engine/tokenizer/jinja/token_stream.h"

namespace bsbr::jinja {

/// Parses expressions by recursive descent, in the order of Jinja's own parser (jinja2/parser.py). Throws as
/// parse() does.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  /// `conditional`: with `a if b else c`.
  ExpressionPtr expression(bool conditional = true);
  /// One expression, or several with commas between them as a tuple.
  ExpressionPtr tuple(bool conditional = true);
  /// Names to assign to, up to the end of the block, "=" or "in". `fields`: also name.field.
  ExpressionPtr target(bool fields);
  /// A chain of filters on nothing, for blocks; null if there is none. `inline_start`: without the first "|".
  ExpressionPtr filters(bool inline_start);
  /// A name to assign to.
  std::string name_target();

  /// Macros whose bodies are being parsed, the innermost last.
  std::vector<Signature*> macros;

 private:
  using Kind = Expression::Kind;
  using Operand = ExpressionPtr (ExpressionParser::*)();

  class Deeper {
   public:
    explicit Deeper(ExpressionParser& parser);
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    ~Deeper() { --parser_.depth_; }

   private:
    ExpressionParser& parser_;
  };

  Expression node(Kind kind, int line) const { return {.kind = kind, .line = line}; }
  ExpressionPtr finish(Expression&& node) const;
  ExpressionPtr joined(Kind kind, int line, std::string_view name, ExpressionPtr left, ExpressionPtr right);

  ExpressionPtr disjunction();
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr filtered() { return unary(true); }
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr binary(std::initializer_list<std::string_view> operators, Operand operand);
  ExpressionPtr primary();
  ExpressionPtr name_or_constant();
  ExpressionPtr number();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr filters_and_tests(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr value);
  ExpressionPtr brackets(ExpressionPtr value, int line);
  ExpressionPtr call(ExpressionPtr function);
  ExpressionPtr filter(ExpressionPtr value);
  ExpressionPtr test(ExpressionPtr value);
  ExpressionPtr target_part(bool fields);
  std::string dotted_name();
  void arguments(Expression& node);
  void argument(Expression& node);
  bool tuple_ends() const;

  TokenStream& tokens_;
  int depth_ = 0;
};

}  // namespace bsbr::jinja
