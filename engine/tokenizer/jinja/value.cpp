#include "engine/tokenizer/jinja/value.h"

#include <algorithm>

namespace bsbr::jinja {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

int one_more_level(int nesting) {
  if (nesting >= kMostNesting) unsupported(cat("nests lists more than ", kMostNesting, " levels deep"));
  return nesting + 1;
}

const char* sequence_type(const Sequence& sequence) {
  switch (sequence.kind) {
    case Sequence::Kind::List:
      return "list";
    case Sequence::Kind::Tuple:
      return "tuple";
    case Sequence::Kind::Range:
      return "range";
    case Sequence::Kind::View:
      return sequence.shown.c_str();
    case Sequence::Kind::Iterator:
      break;
  }
  return "generator";
}

}  // namespace

Value Value::undefined(std::string reason) {
  Value value;
  value.any_ = Undefined{std::make_shared<const std::string>(std::move(reason))};
  return value;
}

std::int64_t Value::integer() const {
  if (const auto* truth = get<bool>()) return *truth ? 1 : 0;
  require_defined(*this);
  const auto* number = get<std::int64_t>();
  if (number == nullptr) fail(cat("needs an integer where it has a ", type_name()));
  return *number;
}

double Value::real() const {
  if (const auto* number = get<double>()) return *number;
  return static_cast<double>(integer());
}

bool Value::truth() const {
  return std::visit(
      Overloaded{[](const Undefined&) { return false; }, [](const None&) { return false; },
                 [](bool value) { return value; }, [](std::int64_t value) { return value != 0; },
                 [](double value) { return value != 0; }, [](const Text& text) { return !text->empty(); },
                 [](const std::shared_ptr<const Sequence>& sequence) {
                   return sequence->kind == Sequence::Kind::Iterator || !sequence->items.empty();
                 },
                 [](const std::shared_ptr<const Dict>& dict) { return !dict->entries.empty(); },
                 [](const auto&) { return true; }},
      any_);
}

const char* Value::type_name() const {
  return std::visit(
      Overloaded{[](const Undefined&) { return "Undefined"; }, [](const None&) { return "NoneType"; },
                 [](bool) { return "bool"; }, [](std::int64_t) { return "int"; },
                 [](double) { return "float"; }, [](const Text&) { return "str"; },
                 [](const std::shared_ptr<const Sequence>& sequence) { return sequence_type(*sequence); },
                 [](const std::shared_ptr<const Dict>&) { return "dict"; },
                 [](const std::shared_ptr<Namespace>&) { return "Namespace"; },
                 [](const std::shared_ptr<const Function>&) { return "function"; },
                 [](const std::shared_ptr<Loop>&) { return "LoopContext"; }},
      any_);
}

int Value::nesting() const {
  if (const Sequence* list = sequence()) return list->nesting;
  if (const Dict* table = dict()) return table->nesting;
  if (const Function* method = function()) return method->nesting;
  return 0;
}

Value make_sequence(Sequence::Kind kind, Values items, std::string shown) {
  int deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, item.nesting());
  return std::make_shared<const Sequence>(
      Sequence{kind, std::move(items), std::move(shown), one_more_level(deepest)});
}

Value make_list(Values items) {
  return make_sequence(Sequence::Kind::List, std::move(items));
}
Value make_tuple(Values items) {
  return make_sequence(Sequence::Kind::Tuple, std::move(items));
}
Value make_iterator(Values items) {
  return make_sequence(Sequence::Kind::Iterator, std::move(items));
}

Value make_dict(std::vector<std::pair<Value, Value>> entries) {
  int deepest = 0;
  for (const auto& [key, value] : entries) deepest = std::max({deepest, key.nesting(), value.nesting()});
  return std::make_shared<const Dict>(Dict{std::move(entries), one_more_level(deepest)});
}

Value make_function(std::string name, std::function<Value(const Arguments&)> call, int nesting) {
  return std::make_shared<const Function>(Function{std::move(name), std::move(call), nesting});
}

void require_defined(const Value& value) {
  const auto* undefined = value.get<Undefined>();
  if (undefined != nullptr) fail(undefined->reason == nullptr ? "a value is undefined" : *undefined->reason);
}

}  // namespace bsbr::jinja
