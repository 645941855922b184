#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja/value.h"

/// What a template's text means, as the parser gives it to the evaluator.
namespace bsbr::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct Expression {
  enum class Kind {
    Constant,
    Name,
    List,
    Tuple,
    Dict,       ///< parts: key, value, key, value …
    Attribute,  ///< parts: object; name
    Item,       ///< parts: object, key
    Slice,      ///< parts: object, and start, stop and step, null where they are left out
    Call,       ///< parts: function, arguments
    Filter,     ///< parts: value (null in {% filter %} and block {% set %}), arguments; name
    Test,       ///< parts: value, arguments; name
    Not,
    Negative,
    Positive,
    And,
    Or,
    Binary,       ///< parts: both sides; name: the operator
    Concat,       ///< ~
    Compare,      ///< parts: operands; operators between them
    Conditional,  ///< parts: condition, then, else (or null)
    Field,        ///< target {% set name.field %}; operators: the field
  };
  Kind kind;
  int line;
  std::string name = {};
  Value constant = {};
  std::vector<ExpressionPtr> parts = {};
  std::vector<std::pair<std::string, ExpressionPtr>> named = {};  ///< arguments; "*" and "**" are unpacked
  std::vector<std::string> operators = {};
  int nesting = 1;
};

struct Statement;
using Body = std::vector<Statement>;

/// The parameters of a macro or a {% call %} block, and what of its surroundings its body reads.
struct Signature {
  struct Parameter {
    std::string name;
    ExpressionPtr absent;  ///< null if there is no default
  };
  std::vector<Parameter> parameters;
  bool reads_caller = false, reads_varargs = false, reads_kwargs = false;
};

struct Statement {
  enum class Kind {
    Literal,
    Output,
    If,
    For,
    Set,
    SetBlock,  ///< {% set x %}…{% endset %}; expression: its filters
    Macro,
    CallBlock,  ///< {% call %}; expression: the call
    FilterBlock,
    With,
    Generation,  ///< {% generation %}: marks an answer, writes what is inside
    Break,
    Continue,
  };
  struct Branch {
    ExpressionPtr condition;  ///< null for else
    Body body;
  };
  Kind kind;
  int line;
  std::string text = {};          ///< of Literal; a macro's name
  ExpressionPtr target = {};      ///< of Set, SetBlock and For
  ExpressionPtr expression = {};  ///< what is written, assigned or iterated over
  ExpressionPtr condition = {};   ///< of {% for … if … %}
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> assignments = {};  ///< of With
  std::vector<Branch> branches = {};                                      ///< of If
  Body body = {};
  Body otherwise = {};  ///< of {% for %} … {% else %}
  std::shared_ptr<const Signature> signature = {};
};

}  // namespace bsbr::jinja
