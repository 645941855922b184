#include "engine/tokenizer/jinja/evaluator.h"

#include <algorithm>

#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/evaluator_depth.h"
#include "engine/tokenizer/jinja/printing.h"

namespace bsbr::jinja {
namespace {

ScopePtr inside(const ScopePtr& outer) {
  auto scope = std::make_shared<Scope>();
  scope->outer = outer;
  return scope;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char* const entity = c == '&'    ? "&amp;"
                               : c == '<'  ? "&lt;"
                               : c == '>'  ? "&gt;"
                               : c == '\'' ? "&#39;"
                               : c == '"'  ? "&#34;"
                                           : nullptr;
    entity == nullptr ? out += c : out += entity;
  }
  return out;
}

}  // namespace

Evaluator::Evaluator(Budget& budget, const std::map<std::string, Value, std::less<>>& variables, std::tm now)
    : budget_(budget), now_(now), globals_(std::make_shared<Scope>()) {
  add_globals(*globals_);
  for (const auto& [name, value] : variables) globals_->names.insert_or_assign(name, value);
}

Evaluator::~Evaluator() {
  for (const auto& fields : namespaces_) fields->fields.clear();
  for (const auto& scope : captured_) scope->names.clear();
}

std::string Evaluator::render(const Body& body) {
  std::string out;
  run(body, inside(globals_), out);
  return out;
}

void Evaluator::append(std::string& out, std::string_view text) {
  budget_.bytes(text.size());
  out += text;
}

Evaluator::Flow Evaluator::run(const Body& body, const ScopePtr& scope, std::string& out) {
  for (const Statement& statement : body) {
    const Flow flow = run(statement, scope, out);
    if (flow != Flow::On) return flow;
  }
  return Flow::On;
}

Evaluator::Flow Evaluator::run(const Statement& statement, const ScopePtr& scope, std::string& out) {
  using Kind = Statement::Kind;
  const Deeper deeper(depth_);
  budget_.work(1);
  line_ = statement.line;
  switch (statement.kind) {
    case Kind::Literal:
      append(out, statement.text);
      break;
    case Kind::Output:
      write(*statement.expression, scope, out);
      break;
    case Kind::If:
      return run_if(statement, scope, out);
    case Kind::For:
      return run_for(statement, scope, out);
    case Kind::Set:
      assign(*statement.target, evaluate(*statement.expression, scope), scope);
      break;
    case Kind::SetBlock:
      run_set_block(statement, scope);
      break;
    case Kind::Macro:
      scope->names.insert_or_assign(statement.text, macro(statement, scope));
      break;
    case Kind::CallBlock:
      run_call_block(statement, scope, out);
      break;
    case Kind::FilterBlock: {
      std::string text;
      const Flow flow = run(statement.body, inside(scope), text);
      if (flow != Flow::On) unsupported("leaves a loop from inside of {% filter %}");
      const Value input(std::move(text));
      append(out, *as_text(budget_, filtered(*statement.expression, scope, &input)));
      break;
    }
    case Kind::With:
      return run_with(statement, scope, out);
    case Kind::Generation:
      if (run(statement.body, inside(scope), out) != Flow::On) {
        unsupported("leaves a loop from inside of {% generation %}");
      }
      break;
    case Kind::Break:
      return Flow::Break;
    case Kind::Continue:
      return Flow::Continue;
  }
  return Flow::On;
}

// Strings marked as safe, or escaped, differ from others only where they are joined with others.
void Evaluator::write(const Expression& expression, const ScopePtr& scope, std::string& out) {
  const bool filter =
      expression.kind == Expression::Kind::Filter && expression.parts.size() == 1 && expression.named.empty();
  if (filter && (expression.name == "safe" || expression.name == "e" || expression.name == "escape")) {
    const Text text = as_text(budget_, part(expression, 0, scope));
    budget_.bytes(6 * text->size());
    return append(out, expression.name == "safe" ? *text : escaped(*text));
  }
  append(out, *as_text(budget_, evaluate(expression, scope)));
}

Evaluator::Flow Evaluator::run_if(const Statement& statement, const ScopePtr& scope, std::string& out) {
  for (const Statement::Branch& branch : statement.branches) {
    if (branch.condition == nullptr || evaluate(*branch.condition, scope).truth()) {
      return run(branch.body, scope, out);
    }
  }
  return Flow::On;
}

Values Evaluator::loop_items(const Statement& statement, const Value& iterable, const ScopePtr& scope) {
  Values items = iterate(budget_, iterable);
  if (statement.condition == nullptr) return items;
  Values kept;
  for (const Value& item : items) {
    const ScopePtr inner = inside(scope);
    inner->names["loop"] = Value::undefined("the filter section of a loop has no 'loop'");
    assign(*statement.target, item, inner);
    if (evaluate(*statement.condition, inner).truth()) kept.push_back(item);
  }
  return kept;
}

Evaluator::Flow Evaluator::run_for(const Statement& statement, const ScopePtr& scope, std::string& out) {
  const auto loop = std::make_shared<Loop>();
  const Value iterable = evaluate(*statement.expression, scope);
  loop->items = loop_items(statement, iterable, scope);
  leave_partly_read(iterable);
  const std::size_t count = loop->items.size();
  for (; loop->index0 < count; ++loop->index0) {
    budget_.work(2);
    const ScopePtr inner = inside(scope);
    inner->names["loop"] = loop;
    assign(*statement.target, loop->items[loop->index0], inner);
    if (run(statement.body, inner, out) == Flow::Break) break;
  }
  if (loop->index0 == count && iterable.sequence() != nullptr)
    iterable.sequence()->read = Sequence::Read::All;
  // It may be kept, in a list that a later loop goes through, and so on: that must not become a long chain.
  loop->last_changed.clear();
  loop->items.clear();
  // Jinja's {% else %} runs where no iteration was begun.
  return count == 0 ? run(statement.otherwise, inside(scope), out) : Flow::On;
}

void Evaluator::run_set_block(const Statement& statement, const ScopePtr& scope) {
  std::string text;
  run(statement.body, inside(scope), text);
  Value value(std::move(text));
  if (statement.expression != nullptr) value = filtered(*statement.expression, scope, &value);
  assign(*statement.target, value, scope);
}

Evaluator::Flow Evaluator::run_with(const Statement& statement, const ScopePtr& scope, std::string& out) {
  const ScopePtr inner = inside(scope);
  for (const auto& [target, expression] : statement.assignments)
    assign(*target, evaluate(*expression, scope), inner);
  return run(statement.body, inner, out);
}

void Evaluator::run_call_block(const Statement& statement, const ScopePtr& scope, std::string& out) {
  const Value caller = macro(statement, scope);
  append(out, *as_text(budget_, called(*statement.expression, scope, &caller)));
}

void Evaluator::assign(const Expression& target, const Value& value, const ScopePtr& scope) {
  if (target.kind == Expression::Kind::Name) {
    scope->names.insert_or_assign(target.name, value);
    return;
  }
  if (target.kind == Expression::Kind::Field) {
    Namespace* fields = look_up(target.name, scope).name_space();
    const std::string& field = target.operators.front();
    if (fields == nullptr) fail("cannot assign attribute on non-namespace object");
    if (field.starts_with('_')) unsupported(cat("sets a namespace's field \"", field, "\""));
    fields->fields.insert_or_assign(field, value);
    return;
  }
  const Values items = iterate(budget_, value);
  if (items.size() != target.parts.size()) {
    require_defined(value);
    fail(cat("needs ", target.parts.size(), " values to unpack, has ", items.size()));
  }
  for (std::size_t i = 0; i < items.size(); ++i) assign(*target.parts[i], items[i], scope);
}

}  // namespace bsbr::jinja
