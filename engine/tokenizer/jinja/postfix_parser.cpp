#include <algorithm>

#include "engine/tokenizer/jinja/expression_parser.h"

namespace bsbr::jinja {

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
  while (true) {
    if (tokens_.at_operator(".") || tokens_.at_operator("[")) {
      value = subscript(std::move(value));
    } else if (tokens_.at_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr value) {
  while (true) {
    if (tokens_.skip_operator("|")) {
      value = filter(std::move(value));
    } else if (tokens_.skip_name("is")) {
      value = test(std::move(value));
    } else if (tokens_.at_operator("(")) {
      value = call(std::move(value));
    } else {
      return value;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr value) {
  const Token& token = tokens_.next();
  if (token.text == "[") return brackets(std::move(value), token.line);
  if (tokens_.at(Token::Kind::Integer)) return joined(Kind::Item, token.line, "", std::move(value), number());
  Expression attribute = node(Kind::Attribute, token.line);
  attribute.name = tokens_.expect(Token::Kind::Name, "a name").text;
  attribute.parts.push_back(std::move(value));
  return finish(std::move(attribute));
}

ExpressionPtr ExpressionParser::brackets(ExpressionPtr value, int line) {
  const auto bound = [&] {
    const bool absent = tokens_.at_operator(":") || tokens_.at_operator("]") || tokens_.at_operator(",");
    return absent ? nullptr : expression();
  };
  ExpressionPtr start = bound();
  if (start != nullptr && tokens_.skip_operator("]")) {
    return joined(Kind::Item, line, "", std::move(value), std::move(start));
  }
  if (tokens_.at_operator(",")) tokens_.unsupported("uses several subscripts at once");
  tokens_.expect_operator(":");
  Expression slice = node(Kind::Slice, line);
  slice.parts.push_back(std::move(value));
  slice.parts.push_back(std::move(start));
  slice.parts.push_back(bound());
  slice.parts.push_back(tokens_.skip_operator(":") ? bound() : nullptr);
  if (tokens_.at_operator(",")) tokens_.unsupported("uses several subscripts at once");
  tokens_.expect_operator("]");
  return finish(std::move(slice));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr function) {
  Expression made = node(Kind::Call, tokens_.now().line);
  made.parts.push_back(std::move(function));
  arguments(made);
  return finish(std::move(made));
}

void ExpressionParser::argument(Expression& node) {
  const auto unpacked = [&](std::string_view stars) {
    return std::any_of(node.named.begin(), node.named.end(),
                       [&](const auto& entry) { return entry.first == stars; });
  };
  const auto ensure = [&](bool good) {
    if (!good) tokens_.invalid("has arguments of a call in a wrong order");
  };
  for (const std::string_view stars : {"*", "**"}) {
    if (!tokens_.skip_operator(stars)) continue;
    ensure(!unpacked("**") && !unpacked(stars));
    node.named.emplace_back(stars, expression());
    return;
  }
  if (tokens_.at(Token::Kind::Name) && tokens_.ahead().is(Token::Kind::Operator, "=")) {
    ensure(!unpacked("**"));
    std::string name = tokens_.next().text;
    tokens_.next();
    node.named.emplace_back(std::move(name), expression());
    return;
  }
  ensure(node.named.empty());
  node.parts.push_back(expression());
}

void ExpressionParser::arguments(Expression& node) {
  tokens_.expect_operator("(");
  while (!tokens_.at_operator(")")) {
    argument(node);
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator(")");
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.expect(Token::Kind::Name, "a name").text;
  while (tokens_.skip_operator(".")) name += "." + tokens_.expect(Token::Kind::Name, "a name").text;
  return name;
}

ExpressionPtr ExpressionParser::filter(ExpressionPtr value) {
  Expression applied = node(Kind::Filter, tokens_.now().line);
  applied.name = dotted_name();
  applied.parts.push_back(std::move(value));
  if (tokens_.at_operator("(")) arguments(applied);
  return finish(std::move(applied));
}

ExpressionPtr ExpressionParser::filters(bool inline_start) {
  ExpressionPtr chain;
  if (inline_start) chain = filter(nullptr);
  while (tokens_.skip_operator("|")) chain = filter(std::move(chain));
  return chain;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr value) {
  const int line = tokens_.now().line;
  const bool opposite = tokens_.skip_name("not");
  Expression asked = node(Kind::Test, line);
  asked.name = dotted_name();
  asked.parts.push_back(std::move(value));
  const Token& token = tokens_.now();
  const bool word =
      token.kind == Token::Kind::Name && token.text != "else" && token.text != "or" && token.text != "and";
  if (tokens_.at_operator("(")) {
    arguments(asked);
  } else if (word || token.kind == Token::Kind::String || token.kind == Token::Kind::Integer ||
             token.kind == Token::Kind::Float || tokens_.at_operator("[") || tokens_.at_operator("{")) {
    if (tokens_.at_name("is")) tokens_.invalid("chains tests with \"is\"");
    asked.parts.push_back(postfix(primary()));
  }
  ExpressionPtr result = finish(std::move(asked));
  if (!opposite) return result;
  Expression turned = node(Kind::Not, line);
  turned.parts.push_back(std::move(result));
  return finish(std::move(turned));
}

}  // namespace bsbr::jinja
