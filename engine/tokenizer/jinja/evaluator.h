#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/ast.h"

namespace bsbr::jinja {

/// Names and their values; what is not here is looked for outside.
struct Scope {
  std::map<std::string, Value, std::less<>> names = {};
  std::shared_ptr<Scope> outer = {};
};
using ScopePtr = std::shared_ptr<Scope>;

/// What a template says by raise_exception().
class Refusal : public Error {
 public:
  explicit Refusal(const std::string& message) : Error(ErrorKind::InvalidArgument, message) {}
};

/// Renders one template once.
class Evaluator {
 public:
  Evaluator(Budget& budget, const std::map<std::string, Value, std::less<>>& variables, std::tm now);
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  ~Evaluator();

  /// Throws Error(InvalidArgument | Unsupported); line() then says where.
  std::string render(const Body& body);
  [[nodiscard]] int line() const { return line_; }

 private:
  enum class Flow { On, Break, Continue };
  class Deeper;

  Flow run(const Body& body, const ScopePtr& scope, std::string& out);
  Flow run(const Statement& statement, const ScopePtr& scope, std::string& out);
  Flow run_if(const Statement& statement, const ScopePtr& scope, std::string& out);
  Flow run_for(const Statement& statement, const ScopePtr& scope, std::string& out);
  Values loop_items(const Statement& statement, const Value& iterable, const ScopePtr& scope);
  void run_set_block(const Statement& statement, const ScopePtr& scope);
  Flow run_with(const Statement& statement, const ScopePtr& scope, std::string& out);
  void run_call_block(const Statement& statement, const ScopePtr& scope, std::string& out);
  void write(const Expression& expression, const ScopePtr& scope, std::string& out);
  void append(std::string& out, std::string_view text);
  void assign(const Expression& target, const Value& value, const ScopePtr& scope);

  Value evaluate(const Expression& expression, const ScopePtr& scope);
  Value part(const Expression& expression, std::size_t index, const ScopePtr& scope) {
    return evaluate(*expression.parts[index], scope);
  }
  Value look_up(const std::string& name, const ScopePtr& scope) const;
  Values parts(const Expression& expression, std::size_t from, const ScopePtr& scope);
  Value dict(const Expression& expression, const ScopePtr& scope);
  Value concatenated(const Expression& expression, const ScopePtr& scope);
  Value compared(const Expression& expression, const ScopePtr& scope);
  Value conditional(const Expression& expression, const ScopePtr& scope);
  Value sliced(const Expression& expression, const ScopePtr& scope);
  Value called(const Expression& expression, const ScopePtr& scope, const Value* caller);
  /// `input` is what a chain of filters begins with, where it has no value of its own.
  Value filtered(const Expression& expression, const ScopePtr& scope, const Value* input);
  Arguments arguments(const Expression& expression, const ScopePtr& scope);

  Value macro(const Statement& statement, const ScopePtr& scope);
  Value call_macro(const Statement& statement, const ScopePtr& scope, const Arguments& given);
  void bind(const Statement& statement, const Arguments& given, const ScopePtr& scope);
  void add_globals(Scope& globals);
  Value make_namespace(const Arguments& given);
  Value date(const Arguments& given) const;

  Budget& budget_;
  std::tm now_;
  ScopePtr globals_;
  int depth_ = 0;
  int line_ = 0;
  // They may hold themselves, and are emptied at the end.
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<ScopePtr> captured_;
};

}  // namespace bsbr::jinja
