#include "engine/tokenizer/jinja/attributes.h"

#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/printing.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

constexpr std::array<std::string_view, 11> kMutators = {"append",     "clear",   "extend", "insert",
                                                        "pop",        "popitem", "remove", "reverse",
                                                        "setdefault", "sort",    "update"};

Value missing(const Value& object, const std::string& name) {
  return Value::undefined(cat("'", object.type_name(), " object' has no attribute '", name, "'"));
}

Value unsafe(const Value& object, const std::string& name) {
  return Value::undefined(
      cat("access to attribute '", name, "' of '", object.type_name(), "' object is unsafe"));
}

bool is_mutator(std::string_view name) {
  return std::find(kMutators.begin(), kMutators.end(), name) != kMutators.end();
}

Value view(std::string kind, Values items) {
  return make_sequence(Sequence::Kind::View, std::move(items), std::move(kind));
}

Value dict_method(Budget& budget, const std::shared_ptr<const Dict>& dict, const std::string& name) {
  if (name == "get") {
    return make_function(
        "get",
        [&budget, dict](const Arguments& given) -> Value {
          const Bound bound("get", given, {"", ""});
          const Value* found = find_key(budget, *dict, bound[0]);
          return found != nullptr ? *found : bound.get(1, None());
        },
        dict->nesting);
  }
  if (name != "items" && name != "keys" && name != "values" && name != "copy") return {};
  return make_function(
      name,
      [&budget, dict, name](const Arguments& given) -> Value {
        const Bound none(name, given, {});
        budget.work(dict->entries.size());
        if (name == "copy") return dict;
        Values items;
        for (const auto& [key, value] : dict->entries) {
          items.push_back(name == "keys" ? key : name == "values" ? value : make_tuple({key, value}));
        }
        return view("dict_" + name, std::move(items));
      },
      dict->nesting);
}

Value list_method(Budget& budget, const std::shared_ptr<const Sequence>& list, const std::string& name) {
  const bool copies = name == "copy" && list->kind == Sequence::Kind::List;
  if (name != "index" && name != "count" && !copies) return {};
  return make_function(
      name,
      [&budget, list, name](const Arguments& given) -> Value {
        if (name == "copy") return Bound(name, given, {}), Value(list);
        const Bound bound(name, given, {""});
        std::int64_t count = 0;
        for (std::size_t i = 0; i < list->items.size(); ++i) {
          if (!equal(budget, list->items[i], bound[0])) continue;
          if (name == "index") return static_cast<std::int64_t>(i);
          ++count;
        }
        if (name == "index") fail(cat(to_repr(budget, bound[0]), " is not in list"));
        return count;
      },
      list->nesting);
}

Value loop_method(const std::shared_ptr<Loop>& loop, const std::string& name) {
  if (name == "cycle") {
    return make_function(name, [loop](const Arguments& given) -> Value {
      if (given.positional.empty()) fail("no items for cycling given");
      return given.positional[loop->index0 % given.positional.size()];
    });
  }
  return {};
}

Value changed_method(Budget& budget, const std::shared_ptr<Loop>& loop) {
  return make_function("changed", [&budget, loop](const Arguments& given) -> Value {
    const bool same =
        loop->was_changed && equal(budget, make_tuple(loop->last_changed), make_tuple(given.positional));
    loop->was_changed = true;
    for (const Value& value : given.positional) {
      if (value.function() != nullptr) unsupported("uses loop.changed() with a function");
    }
    loop->last_changed = given.positional;
    return !same;
  });
}

Value loop_attribute(Budget& budget, const std::shared_ptr<Loop>& loop, const std::string& name) {
  const std::size_t size = loop->items.size();
  const std::size_t index = loop->index0;
  const auto number = [](std::size_t value) { return Value(static_cast<std::int64_t>(value)); };
  if (name == "index") return number(index + 1);
  if (name == "index0") return number(index);
  if (name == "first") return index == 0;
  if (name == "last") return index + 1 >= size;
  if (name == "length") return number(size);
  if (name == "revindex") return number(size - index);
  if (name == "revindex0") return number(size - index - 1);
  if (name == "depth") return number(1);
  if (name == "depth0") return number(0);
  if (name == "previtem")
    return index == 0 ? Value::undefined("there is no previous item") : loop->items[index - 1];
  if (name == "nextitem") {
    return index + 1 >= size ? Value::undefined("there is no next item") : loop->items[index + 1];
  }
  if (name == "changed") return changed_method(budget, loop);
  return loop_method(loop, name);
}

// Methods and other attributes of Python; undefined without a reason if there is none of that name.
Value python_attribute(Budget& budget, const Value& object, const std::string& name) {
  if (const auto* text = object.get<Text>()) return string_method(budget, *text, name);
  if (const auto* dict = object.get<std::shared_ptr<const Dict>>()) {
    if (name == "fromkeys") unsupported("uses dict.fromkeys, which is not understood");
    return dict_method(budget, *dict, name);
  }
  if (const auto* list = object.get<std::shared_ptr<const Sequence>>())
    return list_method(budget, *list, name);
  if (const auto* loop = object.get<std::shared_ptr<Loop>>()) return loop_attribute(budget, *loop, name);
  if (object.is_number() || object.function() != nullptr) {
    unsupported(cat("uses .", name, " of a ", object.type_name(), ", which is not understood"));
  }
  return {};
}

bool is_unsafe(const Value& object, const std::string& name) {
  const Sequence* list = object.sequence();
  const bool changeable = object.dict() != nullptr || (list != nullptr && list->kind == Sequence::Kind::List);
  if (!changeable || !is_mutator(name)) return false;
  static constexpr std::array<std::string_view, 5> kOfDicts = {"clear", "pop", "popitem", "setdefault",
                                                               "update"};
  const bool of_dicts = std::find(kOfDicts.begin(), kOfDicts.end(), name) != kOfDicts.end();
  if (object.dict() != nullptr) return of_dicts;
  return !of_dicts || name == "clear" || name == "pop";
}

Value found_item(Budget& budget, const Value& object, const Value& key) {
  if (const Dict* dict = object.dict()) {
    const bool hashable =
        key.dict() == nullptr && (key.sequence() == nullptr || key.sequence()->kind != Sequence::Kind::List);
    if (!hashable) return {};
    const Value* found = find_key(budget, *dict, key);
    return found == nullptr ? Value() : *found;
  }
  if (!key.is_integer()) return {};
  std::int64_t index = key.integer();
  const std::string* text = object.text();
  const Sequence* list = object.sequence();
  const bool subscripts = text != nullptr || (list != nullptr && list->kind != Sequence::Kind::View &&
                                              list->kind != Sequence::Kind::Iterator);
  if (!subscripts) return {};
  const auto size = static_cast<std::int64_t>(length(budget, object));
  if (index < 0) index += size;
  if (index < 0 || index >= size) return {};
  if (list != nullptr) return list->items[static_cast<std::size_t>(index)];
  budget.bytes(text->size());
  const std::string_view rest =
      std::string_view(*text).substr(byte_offset(*text, static_cast<std::size_t>(index)));
  return rest.substr(0, first_character(rest).size);
}

bool is_found(const Value& value) {
  const auto* undefined = value.get<Undefined>();
  return undefined == nullptr || undefined->reason != nullptr;
}

}  // namespace

Value attribute(Budget& budget, const Value& object, const std::string& name) {
  require_defined(object);
  if (name.starts_with("__")) return unsafe(object, name);
  if (Namespace* fields = object.name_space()) {
    const auto found = fields->fields.find(name);
    return found == fields->fields.end() ? missing(object, name) : found->second;
  }
  if (is_unsafe(object, name)) return unsafe(object, name);
  Value found = python_attribute(budget, object, name);
  if (!is_found(found)) found = found_item(budget, object, name);
  return is_found(found) ? found : missing(object, name);
}

Value item(Budget& budget, const Value& object, const Value& key) {
  require_defined(object);
  if (Value found = found_item(budget, object, key); is_found(found)) return found;
  if (key.text() != nullptr) return attribute(budget, object, *key.text());
  return Value::undefined(cat("'", object.type_name(), " object' has no element ", to_repr(budget, key)));
}

Value path_value(Budget& budget, const Value& object, const Value& path) {
  if (path.text() == nullptr) return item(budget, object, path);
  Value value = object;
  std::string_view rest = *path.text();
  while (true) {
    budget.bytes(rest.size());
    const std::size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    const bool number = !part.empty() && part.size() < 10 &&
                        std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    value = item(budget, value, number ? Value(std::int64_t{std::stol(std::string(part))}) : Value(part));
    if (dot == rest.npos) return value;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace bsbr::jinja
