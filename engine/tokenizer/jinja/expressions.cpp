#include "engine/tokenizer/jinja/arithmetic.h"
#include "engine/tokenizer/jinja/attributes.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/evaluator.h"
#include "engine/tokenizer/jinja/evaluator_depth.h"
#include "engine/tokenizer/jinja/filters.h"
#include "engine/tokenizer/jinja/is_tests.h"
#include "engine/tokenizer/jinja/printing.h"

namespace bsbr::jinja {

Value Evaluator::look_up(const std::string& name, const ScopePtr& scope) const {
  for (const Scope* at = scope.get(); at != nullptr; at = at->outer.get()) {
    const auto found = at->names.find(name);
    if (found != at->names.end()) return found->second;
  }
  return Value::undefined(cat("'", name, "' is undefined"));
}

Values Evaluator::parts(const Expression& expression, std::size_t from, const ScopePtr& scope) {
  Values values;
  for (std::size_t i = from; i < expression.parts.size(); ++i) values.push_back(part(expression, i, scope));
  return values;
}

Value Evaluator::evaluate(const Expression& expression, const ScopePtr& scope) {
  using Kind = Expression::Kind;
  const Deeper deeper(depth_);
  budget_.work(1);
  line_ = expression.line;
  switch (expression.kind) {
    case Kind::Constant:
      return expression.constant;
    case Kind::Name:
      return look_up(expression.name, scope);
    case Kind::List:
      return make_list(parts(expression, 0, scope));
    case Kind::Tuple:
      return make_tuple(parts(expression, 0, scope));
    case Kind::Dict:
      return dict(expression, scope);
    case Kind::Attribute:
      return attribute(budget_, part(expression, 0, scope), expression.name);
    case Kind::Item: {
      const Value object = part(expression, 0, scope);
      return item(budget_, object, part(expression, 1, scope));
    }
    case Kind::Slice:
      return sliced(expression, scope);
    case Kind::Call:
      return called(expression, scope, nullptr);
    case Kind::Filter:
      return filtered(expression, scope, nullptr);
    case Kind::Test: {
      const Value value = part(expression, 0, scope);
      return passes_test(budget_, expression.name, value, arguments(expression, scope));
    }
    case Kind::Not:
      return !part(expression, 0, scope).truth();
    case Kind::Negative:
      return negative(part(expression, 0, scope));
    case Kind::Positive: {
      const Value value = part(expression, 0, scope);
      require_defined(value);
      if (!value.is_number()) fail(cat("bad operand type for unary +: '", value.type_name(), "'"));
      return value.is_integer() ? Value(value.integer()) : value;
    }
    case Kind::And: {
      Value left = part(expression, 0, scope);
      return left.truth() ? part(expression, 1, scope) : left;
    }
    case Kind::Or: {
      Value left = part(expression, 0, scope);
      return left.truth() ? left : part(expression, 1, scope);
    }
    case Kind::Binary: {
      const Value left = part(expression, 0, scope);
      const Value right = part(expression, 1, scope);
      return arithmetic(budget_, left, expression.name, right);
    }
    case Kind::Concat:
      return concatenated(expression, scope);
    case Kind::Compare:
      return compared(expression, scope);
    case Kind::Conditional:
      return conditional(expression, scope);
    case Kind::Field:
      break;
  }
  throw Error(ErrorKind::Internal, "a template's target was evaluated");
}

Value Evaluator::dict(const Expression& expression, const ScopePtr& scope) {
  std::vector<std::pair<Value, Value>> entries;
  for (std::size_t i = 0; i + 1 < expression.parts.size(); i += 2) {
    const Value key = part(expression, i, scope);
    set_key(budget_, entries, key, part(expression, i + 1, scope));
  }
  return make_dict(std::move(entries));
}

Value Evaluator::concatenated(const Expression& expression, const ScopePtr& scope) {
  std::string out;
  for (const Value& value : parts(expression, 0, scope)) append(out, *as_text(budget_, value));
  return out;
}

Value Evaluator::compared(const Expression& expression, const ScopePtr& scope) {
  Value left = part(expression, 0, scope);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = part(expression, i + 1, scope);
    if (!compare(budget_, left, expression.operators[i], right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Evaluator::conditional(const Expression& expression, const ScopePtr& scope) {
  if (part(expression, 0, scope).truth()) return part(expression, 1, scope);
  if (expression.parts[2] != nullptr) return part(expression, 2, scope);
  return Value::undefined("an inline if is false and has no else");
}

Value Evaluator::sliced(const Expression& expression, const ScopePtr& scope) {
  const auto bound = [&](std::size_t index) {
    return expression.parts[index] == nullptr ? Value(None()) : part(expression, index, scope);
  };
  const Value object = part(expression, 0, scope);
  const Value start = bound(1);
  const Value stop = bound(2);
  return slice(budget_, object, start, stop, bound(3));
}

Arguments Evaluator::arguments(const Expression& expression, const ScopePtr& scope) {
  Arguments given{parts(expression, 1, scope), {}};
  for (const auto& [name, argument] : expression.named) {
    const Value value = evaluate(*argument, scope);
    if (name == "*") {
      const Values items = iterate(budget_, value);
      given.positional.insert(given.positional.end(), items.begin(), items.end());
    } else if (name == "**") {
      const Dict* dict = value.dict();
      if (dict == nullptr) fail("argument after ** must be a mapping");
      for (const auto& [key, entry] : dict->entries) {
        if (key.text() == nullptr) fail("keywords must be strings");
        given.named.emplace_back(*key.text(), entry);
      }
    } else {
      given.named.emplace_back(name, value);
    }
  }
  budget_.work(given.positional.size() + given.named.size());
  return given;
}

Value Evaluator::called(const Expression& expression, const ScopePtr& scope, const Value* caller) {
  const Value function = part(expression, 0, scope);
  Arguments given = arguments(expression, scope);
  if (caller != nullptr) given.named.emplace_back("caller", *caller);
  require_defined(function);
  line_ = expression.line;
  if (function.function() == nullptr) fail(cat("'", function.type_name(), "' object is not callable"));
  return function.function()->call(given);
}

Value Evaluator::filtered(const Expression& expression, const ScopePtr& scope, const Value* input) {
  const Deeper deeper(depth_);
  const Expression* inner = expression.parts[0].get();
  const bool chained = input != nullptr && inner != nullptr;
  const Value value = chained            ? filtered(*inner, scope, input)
                      : input != nullptr ? *input
                                         : evaluate(*inner, scope);
  const Arguments given = arguments(expression, scope);
  line_ = expression.line;
  return apply_filter(budget_, expression.name, value, given);
}

}  // namespace bsbr::jinja
