#include "engine/tokenizer/jinja/comparison.h"

#include <algorithm>

#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

bool equal_items(Budget& budget, const Values& a, const Values& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(budget, a[i], b[i])) return false;
  }
  return true;
}

bool equal_sequences(Budget& budget, const Sequence& a, const Sequence& b) {
  if (&a == &b) return true;
  if (a.kind == Sequence::Kind::View && b.kind == a.kind) unsupported("compares views of dictionaries");
  const bool comparable = a.kind == b.kind && a.kind != Sequence::Kind::Iterator;
  return comparable && equal_items(budget, a.items, b.items);
}

bool equal_dicts(Budget& budget, const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const Value* other = find_key(budget, b, entry.first);
    return other != nullptr && equal(budget, entry.second, *other);
  });
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.is_integer() && b.is_integer()) {
    const std::int64_t x = a.integer();
    const std::int64_t y = b.integer();
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const double x = a.real();
  const double y = b.real();
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

bool less_items(Budget& budget, const Values& a, const Values& b) {
  const std::size_t both = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (!equal(budget, a[i], b[i])) return less(budget, a[i], b[i]);
  }
  return a.size() < b.size();
}

bool is_hashable(const Value& value) {
  if (value.dict() != nullptr) return false;
  const Sequence* sequence = value.sequence();
  if (sequence == nullptr) return true;
  return sequence->kind != Sequence::Kind::List &&
         std::all_of(sequence->items.begin(), sequence->items.end(), is_hashable);
}

void require_hashable(const Value& key) {
  if (!is_hashable(key)) fail(cat("unhashable type: '", key.type_name(), "'"));
}

}  // namespace

bool equal(Budget& budget, const Value& a, const Value& b) {
  budget.work(1);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.text() != nullptr && b.text() != nullptr) {
    if (a.text()->size() == b.text()->size()) budget.bytes(a.text()->size());
    return *a.text() == *b.text();
  }
  if (a.sequence() != nullptr && b.sequence() != nullptr) {
    return equal_sequences(budget, *a.sequence(), *b.sequence());
  }
  if (a.dict() != nullptr && b.dict() != nullptr) return equal_dicts(budget, *a.dict(), *b.dict());
  if (a.any().index() != b.any().index()) return false;
  return a.is_none() || a.is_undefined() || (a.name_space() != nullptr && a.name_space() == b.name_space()) ||
         (a.function() != nullptr && a.function() == b.function()) ||
         (a.loop() != nullptr && a.loop() == b.loop());
}

bool less(Budget& budget, const Value& a, const Value& b) {
  budget.work(1);
  require_defined(a);
  require_defined(b);
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == -1;
  if (a.text() != nullptr && b.text() != nullptr) {
    budget.bytes(std::min(a.text()->size(), b.text()->size()));
    return *a.text() < *b.text();  // UTF-8 is in the order of code points
  }
  const Sequence* x = a.sequence();
  const Sequence* y = b.sequence();
  if (x != nullptr && y != nullptr && x->kind == y->kind &&
      (x->kind == Sequence::Kind::List || x->kind == Sequence::Kind::Tuple)) {
    return less_items(budget, x->items, y->items);
  }
  fail(cat("'<' not supported between instances of '", a.type_name(), "' and '", b.type_name(), "'"));
}

bool contains(Budget& budget, const Value& container, const Value& item) {
  if (const std::string* text = container.text()) {
    require_defined(item);
    if (item.text() == nullptr)
      fail(cat("'in <string>' requires string as left operand, not ", item.type_name()));
    return find_text(budget, *text, *item.text()) != std::string::npos;
  }
  if (const Dict* dict = container.dict()) return find_key(budget, *dict, item) != nullptr;
  if (const Sequence* list = container.sequence();
      list != nullptr && list->kind != Sequence::Kind::Iterator) {
    return std::any_of(list->items.begin(), list->items.end(),
                       [&](const Value& element) { return equal(budget, element, item); });
  }
  const Values items = iterate(budget, container);
  const bool found = std::any_of(items.begin(), items.end(),
                                 [&](const Value& element) { return equal(budget, element, item); });
  if (found) leave_partly_read(container);
  return found;
}

bool compare(Budget& budget, const Value& a, std::string_view operation, const Value& b) {
  if (operation == "==") return equal(budget, a, b);
  if (operation == "!=") return !equal(budget, a, b);
  if (operation == "in") return contains(budget, b, a);
  if (operation == "not in") return !contains(budget, b, a);
  if (a.is_number() && b.is_number() && compare_numbers(a, b) == 2) return false;
  if (operation == "<") return less(budget, a, b);
  if (operation == ">") return less(budget, b, a);
  if (operation == "<=") return !less(budget, b, a);
  return !less(budget, a, b);
}

Values iterate(Budget& budget, const Value& value) {
  if (value.is_undefined()) return {};
  if (const Sequence* sequence = value.sequence()) {
    if (sequence->kind == Sequence::Kind::Iterator) {
      const Sequence::Read before = std::exchange(sequence->read, Sequence::Read::All);
      if (before == Sequence::Read::All) return {};
      if (before == Sequence::Read::Partly) unsupported("reads on in a generator; it needs \"| list\"");
    }
    budget.work(sequence->items.size());
    return sequence->items;
  }
  Values items;
  if (const Dict* dict = value.dict()) {
    budget.work(dict->entries.size());
    for (const auto& [key, unused] : dict->entries) items.push_back(key);
    return items;
  }
  const std::string* text = value.text();
  if (text == nullptr) fail(cat("'", value.type_name(), "' object is not iterable"));
  budget.work(4 * text->size());
  for (const std::string_view character : split_characters(*text)) items.emplace_back(character);
  return items;
}

void leave_partly_read(const Value& value) {
  if (value.sequence() != nullptr) value.sequence()->read = Sequence::Read::Partly;
}

std::size_t length(Budget& budget, const Value& value) {
  if (value.is_undefined()) return 0;
  if (const Dict* dict = value.dict()) return dict->entries.size();
  if (const Loop* loop = value.loop()) return loop->items.size();
  if (const std::string* text = value.text()) {
    budget.bytes(text->size());
    return count_characters(*text);
  }
  const Sequence* sequence = value.sequence();
  if (sequence == nullptr || sequence->kind == Sequence::Kind::Iterator) {
    fail(cat("object of type '", value.type_name(), "' has no len()"));
  }
  return sequence->items.size();
}

const Value* find_key(Budget& budget, const Dict& dict, const Value& key) {
  require_hashable(key);
  for (const auto& [name, value] : dict.entries) {
    if (equal(budget, name, key)) return &value;
  }
  return nullptr;
}

const Value* find_key(Budget& budget, const Dict& dict, std::string_view key) {
  budget.work(1 + dict.entries.size());
  for (const auto& [name, value] : dict.entries) {
    if (name.text() != nullptr && *name.text() == key) return &value;
  }
  return nullptr;
}

void set_key(Budget& budget, std::vector<std::pair<Value, Value>>& entries, const Value& key, Value value) {
  require_hashable(key);
  for (auto& [name, old] : entries) {
    if (equal(budget, name, key)) {
      old = std::move(value);
      return;
    }
  }
  entries.emplace_back(key, std::move(value));
}

}  // namespace bsbr::jinja
