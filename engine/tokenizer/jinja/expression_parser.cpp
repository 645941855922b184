#include "engine/tokenizer/jinja/expression_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace bsbr::jinja {
namespace {

bool is_reserved(std::string_view name) {
  static constexpr std::string_view kReserved[] = {"true", "false", "none", "True", "False", "None"};
  return std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved);
}

}  // namespace

ExpressionParser::Deeper::Deeper(ExpressionParser& parser) : parser_(parser) {
  if (parser_.depth_ >= kMostNesting) {
    parser_.tokens_.unsupported(cat("nests more than ", kMostNesting, " levels deep"));
  }
  ++parser_.depth_;
}

ExpressionPtr ExpressionParser::finish(Expression&& node) const {
  for (const ExpressionPtr& part : node.parts) {
    if (part != nullptr) node.nesting = std::max(node.nesting, part->nesting + 1);
  }
  for (const auto& [name, part] : node.named) node.nesting = std::max(node.nesting, part->nesting + 1);
  if (node.nesting > kMostNesting) {
    tokens_.unsupported(cat("has an expression of more than ", kMostNesting, " levels"));
  }
  return std::make_unique<const Expression>(std::move(node));
}

ExpressionPtr ExpressionParser::joined(Kind kind, int line, std::string_view name, ExpressionPtr left,
                                       ExpressionPtr right) {
  Expression both = node(kind, line);
  both.name = name;
  both.parts.push_back(std::move(left));
  both.parts.push_back(std::move(right));
  return finish(std::move(both));
}

ExpressionPtr ExpressionParser::expression(bool conditional) {
  const Deeper deeper(*this);
  ExpressionPtr value = disjunction();
  while (conditional && tokens_.at_name("if")) {
    Expression choice = node(Kind::Conditional, tokens_.next().line);
    choice.parts.push_back(disjunction());
    choice.parts.push_back(std::move(value));
    choice.parts.push_back(tokens_.skip_name("else") ? expression() : nullptr);
    value = finish(std::move(choice));
  }
  return value;
}

bool ExpressionParser::tuple_ends() const {
  return tokens_.at(Token::Kind::OutputEnd) || tokens_.at(Token::Kind::BlockEnd) || tokens_.at_operator(")");
}

ExpressionPtr ExpressionParser::tuple(bool conditional) {
  const int line = tokens_.now().line;
  if (tuple_ends()) tokens_.unexpected("an expression");
  ExpressionPtr first = expression(conditional);
  if (!tokens_.at_operator(",")) return first;
  Expression all = node(Kind::Tuple, line);
  all.parts.push_back(std::move(first));
  while (tokens_.skip_operator(",") && !tuple_ends()) all.parts.push_back(expression(conditional));
  return finish(std::move(all));
}

std::string ExpressionParser::name_target() {
  const std::string name = tokens_.expect(Token::Kind::Name, "a name").text;
  if (is_reserved(name)) tokens_.invalid(cat("can't assign to '", name, "'"));
  return name;
}

ExpressionPtr ExpressionParser::target_part(bool fields) {
  const Deeper deeper(*this);
  const int line = tokens_.now().line;
  if (tokens_.skip_operator("(")) {
    ExpressionPtr inner = target(false);
    tokens_.expect_operator(")");
    return inner;
  }
  Expression name = node(Kind::Name, line);
  name.name = name_target();
  if (fields && tokens_.skip_operator(".")) {
    name.kind = Kind::Field;
    name.operators.push_back(tokens_.expect(Token::Kind::Name, "a name").text);
  }
  return finish(std::move(name));
}

ExpressionPtr ExpressionParser::target(bool fields) {
  const int line = tokens_.now().line;
  ExpressionPtr first = target_part(fields);
  if (!tokens_.at_operator(",")) return first;
  Expression all = node(Kind::Tuple, line);
  all.parts.push_back(std::move(first));
  while (tokens_.skip_operator(",") && tokens_.at(Token::Kind::Name) && !tokens_.at_name("in")) {
    all.parts.push_back(target_part(fields));
  }
  return finish(std::move(all));
}

ExpressionPtr ExpressionParser::disjunction() {
  ExpressionPtr left = conjunction();
  while (tokens_.at_name("or")) {
    const int line = tokens_.next().line;
    left = joined(Kind::Or, line, "or", std::move(left), conjunction());
  }
  return left;
}

ExpressionPtr ExpressionParser::conjunction() {
  ExpressionPtr left = negation();
  while (tokens_.at_name("and")) {
    const int line = tokens_.next().line;
    left = joined(Kind::And, line, "and", std::move(left), negation());
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  if (!tokens_.at_name("not")) return comparison();
  const Deeper deeper(*this);
  Expression opposite = node(Kind::Not, tokens_.next().line);
  opposite.parts.push_back(negation());
  return finish(std::move(opposite));
}

ExpressionPtr ExpressionParser::comparison() {
  static constexpr std::string_view kOperators[] = {"==", "!=", "<", "<=", ">", ">="};
  Expression chain = node(Kind::Compare, tokens_.now().line);
  chain.parts.push_back(sum());
  while (true) {
    const Token& token = tokens_.now();
    if (token.kind == Token::Kind::Operator &&
        std::find(std::begin(kOperators), std::end(kOperators), token.text) != std::end(kOperators)) {
      chain.operators.push_back(tokens_.next().text);
    } else if (tokens_.skip_name("in")) {
      chain.operators.emplace_back("in");
    } else if (tokens_.at_name("not") && tokens_.ahead().is(Token::Kind::Name, "in")) {
      tokens_.next();
      tokens_.next();
      chain.operators.emplace_back("not in");
    } else {
      break;
    }
    chain.parts.push_back(sum());
  }
  return chain.operators.empty() ? std::move(chain.parts.front()) : finish(std::move(chain));
}

ExpressionPtr ExpressionParser::binary(std::initializer_list<std::string_view> operators, Operand operand) {
  ExpressionPtr left = (this->*operand)();
  while (tokens_.at(Token::Kind::Operator) &&
         std::find(operators.begin(), operators.end(), tokens_.now().text) != operators.end()) {
    const Token& token = tokens_.next();
    left = joined(Kind::Binary, token.line, token.text, std::move(left), (this->*operand)());
  }
  return left;
}

ExpressionPtr ExpressionParser::sum() {
  return binary({"+", "-"}, &ExpressionParser::concatenation);
}
ExpressionPtr ExpressionParser::product() {
  return binary({"*", "/", "//", "%"}, &ExpressionParser::power);
}
ExpressionPtr ExpressionParser::power() {
  return binary({"**"}, &ExpressionParser::filtered);
}

ExpressionPtr ExpressionParser::concatenation() {
  Expression all = node(Kind::Concat, tokens_.now().line);
  all.parts.push_back(product());
  while (tokens_.skip_operator("~")) all.parts.push_back(product());
  return all.parts.size() == 1 ? std::move(all.parts.front()) : finish(std::move(all));
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Deeper deeper(*this);
  ExpressionPtr value;
  if (tokens_.at_operator("-") || tokens_.at_operator("+")) {
    const Token& token = tokens_.next();
    Expression sign = node(token.text == "-" ? Kind::Negative : Kind::Positive, token.line);
    sign.parts.push_back(unary(false));
    value = finish(std::move(sign));
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::name_or_constant() {
  const Token& token = tokens_.next();
  Expression value = node(Kind::Constant, token.line);
  if (token.text == "true" || token.text == "True") {
    value.constant = true;
  } else if (token.text == "false" || token.text == "False") {
    value.constant = false;
  } else if (token.text == "none" || token.text == "None") {
    value.constant = None();
  } else {
    value.kind = Kind::Name;
    value.name = token.text;
    for (Signature* macro : macros) {
      macro->reads_caller |= token.text == "caller";
      macro->reads_varargs |= token.text == "varargs";
      macro->reads_kwargs |= token.text == "kwargs";
    }
  }
  return finish(std::move(value));
}

ExpressionPtr ExpressionParser::number() {
  const Token& token = tokens_.next();
  Expression value = node(Kind::Constant, token.line);
  if (token.kind == Token::Kind::Float) {
    double real = 0;
    std::from_chars(token.text.data(), token.text.data() + token.text.size(), real);
    value.constant = real;
    return finish(std::move(value));
  }
  std::int64_t integer = 0;
  const auto end = std::from_chars(token.text.data(), token.text.data() + token.text.size(), integer);
  if (end.ec != std::errc()) tokens_.unsupported("has an integer beyond 64 bits");
  value.constant = integer;
  return finish(std::move(value));
}

ExpressionPtr ExpressionParser::primary() {
  const Token& token = tokens_.now();
  if (token.kind == Token::Kind::Name) return name_or_constant();
  if (token.kind == Token::Kind::Integer || token.kind == Token::Kind::Float) return number();
  if (token.kind == Token::Kind::String) {
    Expression text = node(Kind::Constant, token.line);
    std::string joined_text;
    while (tokens_.at(Token::Kind::String)) joined_text += tokens_.next().text;
    text.constant = std::move(joined_text);
    return finish(std::move(text));
  }
  if (tokens_.at_operator("[")) return list();
  if (tokens_.at_operator("{")) return dict();
  if (!tokens_.at_operator("(")) tokens_.unexpected("an expression");
  tokens_.next();
  if (tokens_.skip_operator(")")) return finish(node(Kind::Tuple, token.line));
  ExpressionPtr inner = tuple();
  tokens_.expect_operator(")");
  return inner;
}

ExpressionPtr ExpressionParser::list() {
  Expression all = node(Kind::List, tokens_.next().line);
  while (!tokens_.at_operator("]")) {
    all.parts.push_back(expression());
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator("]");
  return finish(std::move(all));
}

ExpressionPtr ExpressionParser::dict() {
  Expression all = node(Kind::Dict, tokens_.next().line);
  while (!tokens_.at_operator("}")) {
    all.parts.push_back(expression());
    tokens_.expect_operator(":");
    all.parts.push_back(expression());
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator("}");
  return finish(std::move(all));
}

}  // namespace bsbr::jinja
