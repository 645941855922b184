#include <algorithm>

#include "engine/tokenizer/jinja/evaluator.h"
#include "engine/tokenizer/jinja/evaluator_depth.h"

namespace bsbr::jinja {

Value Evaluator::macro(const Statement& statement, const ScopePtr& scope) {
  captured_.push_back(scope);
  return make_function(statement.text, [this, &statement, scope](const Arguments& given) {
    return call_macro(statement, scope, given);
  });
}

// The parameters of a macro, as jinja2.runtime.Macro binds them.
void Evaluator::bind(const Statement& statement, const Arguments& given, const ScopePtr& scope) {
  const Signature& signature = *statement.signature;
  const std::size_t count = signature.parameters.size();
  std::vector<std::pair<Value, Value>> others;
  std::map<std::string, Value, std::less<>> named;
  for (const auto& [name, value] : given.named) {
    const bool parameter = std::any_of(signature.parameters.begin(), signature.parameters.end(),
                                       [&name = name](const auto& p) { return p.name == name; });
    if (parameter || (name == "caller" && signature.reads_caller)) {
      named.insert_or_assign(name, value);
    } else if (signature.reads_kwargs) {
      others.emplace_back(name, value);
    } else {
      fail(cat("macro '", statement.text, "' takes no keyword argument '", name, "'"));
    }
  }
  if (given.positional.size() > count && !signature.reads_varargs) {
    fail(cat("macro '", statement.text, "' takes not more than ", count, " argument(s)"));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Signature::Parameter& parameter = signature.parameters[i];
    const auto found = named.find(parameter.name);
    if (i < given.positional.size()) {
      if (found != named.end()) fail(cat("macro '", statement.text, "' got '", parameter.name, "' twice"));
      scope->names[parameter.name] = given.positional[i];
    } else if (found != named.end()) {
      scope->names[parameter.name] = found->second;
    } else if (parameter.absent != nullptr) {
      scope->names[parameter.name] = evaluate(*parameter.absent, scope);
    } else {
      scope->names[parameter.name] =
          Value::undefined(cat("parameter '", parameter.name, "' was not provided"));
    }
  }
  const std::size_t extra = std::min(count, given.positional.size());
  if (signature.reads_varargs) {
    scope->names["varargs"] =
        make_tuple({given.positional.begin() + static_cast<std::ptrdiff_t>(extra), given.positional.end()});
  }
  if (signature.reads_kwargs) scope->names["kwargs"] = make_dict(std::move(others));
  if (signature.reads_caller) {
    const auto found = named.find("caller");
    scope->names["caller"] = found != named.end() ? found->second : Value::undefined("No caller defined");
  }
}

Value Evaluator::call_macro(const Statement& statement, const ScopePtr& scope, const Arguments& given) {
  const Deeper deeper(depth_);
  const auto inner = std::make_shared<Scope>();
  inner->outer = scope;
  bind(statement, given, inner);
  std::string out;
  run(statement.body, inner, out);
  return out;
}

}  // namespace bsbr::jinja
