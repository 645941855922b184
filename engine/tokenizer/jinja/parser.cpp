#include "engine/tokenizer/jinja/parser.h"

#include <algorithm>
#include <initializer_list>

#include "engine/tokenizer/jinja/expression_parser.h"

namespace bsbr::jinja {
namespace {

using Kind = Statement::Kind;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), expressions_(tokens_) {}

  Body run() {
    Body body = statements({});
    if (!tokens_.at(Token::Kind::End)) tokens_.unexpected("its end");
    return body;
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  [[nodiscard]] bool at_end(Ends ends) const {
    return tokens_.at(Token::Kind::Name) &&
           std::find(ends.begin(), ends.end(), tokens_.now().text) != ends.end();
  }

  // Up to a tag that is one of `ends`, which is where the tokens then are.
  Body statements(Ends ends) {
    if (++depth_ > kMostNesting) tokens_.unsupported(cat("nests more than ", kMostNesting, " blocks"));
    Body body;
    while (!tokens_.at(Token::Kind::End)) {
      const Token& token = tokens_.next();
      if (token.kind == Token::Kind::Literal) {
        body.push_back({.kind = Kind::Literal, .line = token.line, .text = token.text});
      } else if (token.kind == Token::Kind::OutputBegin) {
        body.push_back({.kind = Kind::Output, .line = token.line, .expression = expressions_.tuple()});
        tokens_.expect(Token::Kind::OutputEnd, "'}}'");
      } else {
        if (at_end(ends)) {
          --depth_;
          return body;
        }
        body.push_back(statement());
        end_block();
      }
    }
    if (ends.size() > 0) tokens_.unexpected(cat("{% ", *(ends.end() - 1), " %}"));
    --depth_;
    return body;
  }

  void end_block() { tokens_.expect(Token::Kind::BlockEnd, "'%}'"); }

  Body block(Ends ends) {
    tokens_.skip_operator(":");
    end_block();
    return statements(ends);
  }
  Body last_block(std::string_view end) {
    Body body = block({end});
    tokens_.next();
    return body;
  }

  Statement statement() {
    const Token& tag = tokens_.expect(Token::Kind::Name, "the name of a tag");
    Statement made{.kind = Kind::Literal, .line = tag.line};
    if (tag.text == "if") return conditional(std::move(made));
    if (tag.text == "for") return loop(std::move(made));
    if (tag.text == "set") return assignment(std::move(made));
    if (tag.text == "macro") return macro(std::move(made));
    if (tag.text == "call") return call(std::move(made));
    if (tag.text == "with") return with(std::move(made));
    if (tag.text == "filter") {
      made.kind = Kind::FilterBlock;
      made.expression = expressions_.filters(true);
      made.body = last_block("endfilter");
    } else if (tag.text == "generation") {
      made.kind = Kind::Generation;
      made.body = separate_body("endgeneration");
    } else if (tag.text == "break" || tag.text == "continue") {
      if (loops_ == 0) tokens_.invalid(cat("{% ", tag.text, " %}", " stands outside of a loop"));
      made.kind = tag.text == "break" ? Kind::Break : Kind::Continue;
    } else {
      refuse_tag(tag);
    }
    return made;
  }

  [[noreturn]] void refuse_tag(const Token& tag) const {
    static constexpr std::string_view kKnown[] = {"block", "extends", "include",   "import",
                                                  "from",  "print",   "autoescape"};
    if (std::find(std::begin(kKnown), std::end(kKnown), tag.text) != std::end(kKnown)) {
      tokens_.unsupported(cat("uses {% ", tag.text, " %}, which is not understood"));
    }
    tokens_.invalid(cat("has a tag {% ", tag.text.substr(0, 40), " %} that Jinja does not know"));
  }

  Statement conditional(Statement made) {
    made.kind = Kind::If;
    while (true) {
      ExpressionPtr condition = expressions_.tuple(false);
      Body body = block({"elif", "else", "endif"});
      made.branches.push_back({std::move(condition), std::move(body)});
      const std::string& end = tokens_.next().text;
      if (end == "elif") continue;
      if (end == "else") made.branches.push_back({nullptr, last_block("endif")});
      return made;
    }
  }

  Statement loop(Statement made) {
    made.kind = Kind::For;
    made.target = expressions_.target(false);
    tokens_.expect_name("in");
    made.expression = expressions_.tuple(false);
    if (tokens_.skip_name("if")) made.condition = expressions_.expression();
    if (tokens_.at_name("recursive")) tokens_.unsupported("uses a recursive loop, which is not understood");
    ++loops_;
    made.body = block({"else", "endfor"});
    --loops_;
    if (tokens_.next().text == "else") made.otherwise = last_block("endfor");
    return made;
  }

  Statement assignment(Statement made) {
    made.kind = Kind::Set;
    made.target = expressions_.target(true);
    if (tokens_.skip_operator("=")) {
      made.expression = expressions_.tuple();
      return made;
    }
    made.kind = Kind::SetBlock;
    made.expression = expressions_.filters(false);
    made.body = separate_body("endset");
    return made;
  }

  // A body that {% break %} does not leave.
  Body separate_body(std::string_view end) {
    const int outer = std::exchange(loops_, 0);
    Body body = last_block(end);
    loops_ = outer;
    return body;
  }

  std::shared_ptr<Signature> signature() {
    auto made = std::make_shared<Signature>();
    if (!tokens_.skip_operator("(")) return made;
    while (!tokens_.at_operator(")")) {
      Signature::Parameter parameter{expressions_.name_target(), nullptr};
      if (tokens_.skip_operator("=")) {
        parameter.absent = expressions_.expression();
      } else if (!made->parameters.empty() && made->parameters.back().absent != nullptr) {
        tokens_.invalid("has a parameter without a default after one with a default");
      }
      made->parameters.push_back(std::move(parameter));
      if (!tokens_.skip_operator(",")) break;
    }
    tokens_.expect_operator(")");
    return made;
  }

  Statement macro(Statement made) {
    made.kind = Kind::Macro;
    made.text = expressions_.name_target();
    if (!tokens_.at_operator("(")) tokens_.unexpected("'('");
    auto parameters = signature();
    expressions_.macros.push_back(parameters.get());
    made.body = separate_body("endmacro");
    expressions_.macros.pop_back();
    made.signature = std::move(parameters);
    return made;
  }

  Statement call(Statement made) {
    made.kind = Kind::CallBlock;
    auto parameters = signature();
    made.expression = expressions_.expression();
    if (made.expression->kind != Expression::Kind::Call) tokens_.invalid("{% call %} needs a call");
    made.body = separate_body("endcall");
    made.signature = std::move(parameters);
    return made;
  }

  Statement with(Statement made) {
    made.kind = Kind::With;
    while (!tokens_.at(Token::Kind::BlockEnd)) {
      if (!made.assignments.empty()) tokens_.expect_operator(",");
      ExpressionPtr target = expressions_.target(false);
      tokens_.expect_operator("=");
      made.assignments.emplace_back(std::move(target), expressions_.expression());
    }
    made.body = last_block("endwith");
    return made;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int depth_ = 0;
  int loops_ = 0;  // around what is being parsed
};

}  // namespace

Body parse(std::string_view source) {
  return Parser(source).run();
}

}  // namespace bsbr::jinja
