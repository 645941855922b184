#include <algorithm>
#include <array>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/arithmetic.h"
#include "engine/tokenizer/jinja/attributes.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/filters.h"
#include "engine/tokenizer/jinja/printing.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

Value absent_or(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"default_value", "boolean"});
  const bool replaced = call.value.is_undefined() || (bound.flag(1, false) && !call.value.truth());
  return replaced ? bound.get(0, "") : call.value;
}

Value count(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  return static_cast<std::int64_t>(length(call.budget, call.value));
}

Value list(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  return make_list(iterate(call.budget, call.value));
}

Value first_or_last(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  const bool last = call.name == "last";
  const Sequence* sequence = call.value.sequence();
  const bool generator = sequence != nullptr && sequence->kind == Sequence::Kind::Iterator;
  if (generator && last) fail("'generator' object is not reversible");
  const Values items = iterate(call.budget, call.value);
  if (generator && !items.empty()) leave_partly_read(call.value);
  if (items.empty()) return Value::undefined(cat("No ", call.name, " item, sequence was empty."));
  return last ? items.back() : items.front();
}

Value join(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"d", "attribute"});
  const Text separator = as_text(call.budget, bound.get(0, ""));
  const Value path = bound.get(1, None());
  std::string out;
  bool first = true;
  for (const Value& item : iterate(call.budget, call.value)) {
    if (!std::exchange(first, false)) out += *separator;
    const Text text = as_text(call.budget, path.is_none() ? item : path_value(call.budget, item, path));
    call.budget.bytes(separator->size() + text->size());
    out += *text;
  }
  return out;
}

Value reverse(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  Values items = iterate(call.budget, call.value);
  std::reverse(items.begin(), items.end());
  const Sequence* sequence = call.value.sequence();
  const bool generator = sequence != nullptr && sequence->kind == Sequence::Kind::Iterator;
  if (generator || call.value.is_undefined()) return make_list(std::move(items));
  if (call.value.text() == nullptr) return make_iterator(std::move(items));
  std::string out;
  for (const Value& character : items) out += *character.text();
  return out;
}

Value items(const FilterCall& call) {
  const Bound none(call.name, call.arguments, {});
  if (call.value.is_undefined()) return make_iterator({});
  const Dict* dict = call.value.dict();
  if (dict == nullptr) fail("Can only get item pairs from a mapping.");
  call.budget.work(dict->entries.size());
  Values pairs;
  for (const auto& [key, value] : dict->entries) pairs.push_back(make_tuple({key, value}));
  return make_iterator(std::move(pairs));
}

Value dictsort(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"case_sensitive", "by", "reverse"});
  const Dict* dict = call.value.dict();
  if (dict == nullptr) fail(cat("'", call.value.type_name(), "' object has no attribute 'items'"));
  const bool by_value = bound.has(1) && bound.text(1) == "value";
  if (bound.has(1) && !by_value && bound.text(1) != "key")
    fail("You can only sort by either \"key\" or \"value\"");
  Values pairs;
  for (const auto& [key, value] : dict->entries) pairs.push_back(make_tuple({key, value}));
  const bool exact = bound.flag(0, false);
  const auto key = [&](const Value& pair) {
    const Value& part = pair.sequence()->items[by_value ? 1 : 0];
    return exact ? part : without_case(call.budget, part);
  };
  return make_list(sort_by(call.budget, pairs, key, bound.flag(2, false)));
}

Value sort(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"reverse", "case_sensitive", "attribute"});
  const Value path = bound.get(2, None());
  if (path.text() != nullptr && path.text()->find(',') != std::string::npos) {
    unsupported("sorts by several attributes");
  }
  const bool exact = bound.flag(1, false);
  const auto key = [&](const Value& item) {
    const Value part = path.is_none() ? item : path_value(call.budget, item, path);
    return exact ? part : without_case(call.budget, part);
  };
  return make_list(sort_by(call.budget, iterate(call.budget, call.value), key, bound.flag(0, false)));
}

Value extreme(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"case_sensitive", "attribute"});
  const Value path = bound.get(1, None());
  const bool exact = bound.flag(0, false);
  const auto key = [&](const Value& item) {
    const Value part = path.is_none() ? item : path_value(call.budget, item, path);
    return exact ? part : without_case(call.budget, part);
  };
  const Values all = iterate(call.budget, call.value);
  if (all.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const Value* best = &all.front();
  for (const Value& item : all) {
    const bool better = call.name == "min" ? less(call.budget, key(item), key(*best))
                                           : less(call.budget, key(*best), key(item));
    if (better) best = &item;
  }
  return *best;
}

Value unique(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"case_sensitive", "attribute"});
  const Value path = bound.get(1, None());
  std::vector<std::pair<Value, Value>> seen;
  Values kept;
  for (const Value& item : iterate(call.budget, call.value)) {
    const Value part = path.is_none() ? item : path_value(call.budget, item, path);
    const std::size_t before = seen.size();
    set_key(call.budget, seen, bound.flag(0, false) ? part : without_case(call.budget, part), None());
    if (seen.size() > before) kept.push_back(item);
  }
  return make_iterator(std::move(kept));
}

Value sum(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"attribute", "start"});
  const Value path = bound.get(0, None());
  Value total = bound.get(1, std::int64_t{0});
  if (total.text() != nullptr) fail("sum() can't sum strings");
  for (const Value& item : iterate(call.budget, call.value)) {
    total = arithmetic(call.budget, total, "+", path.is_none() ? item : path_value(call.budget, item, path));
  }
  return total;
}

Value batch(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"linecount", "fill_with"});
  const std::int64_t size = bound[0].integer();
  if (size < 1) unsupported("makes batches of fewer than one element");
  Values batches;
  Values now;
  for (const Value& item : iterate(call.budget, call.value)) {
    if (std::cmp_equal(now.size(), size)) batches.push_back(make_list(std::exchange(now, {})));
    now.push_back(item);
  }
  if (!now.empty() && bound.has(1) && !bound[1].is_none()) {
    call.budget.work(static_cast<std::uint64_t>(size));
    now.resize(static_cast<std::size_t>(size), bound[1]);
  }
  if (!now.empty()) batches.push_back(make_list(std::move(now)));
  return make_iterator(std::move(batches));
}

Value attr(const FilterCall& call) {
  const Bound bound(call.name, call.arguments, {"name"});
  // Only attributes, not items.
  if (call.value.name_space() == nullptr) unsupported("uses the filter \"attr\" of what is no namespace");
  return attribute(call.budget, call.value, bound.text(0));
}

constexpr std::array<std::pair<std::string_view, Filter>, 18> kFilters = {{{"default", absent_or},
                                                                           {"d", absent_or},
                                                                           {"length", count},
                                                                           {"count", count},
                                                                           {"list", list},
                                                                           {"first", first_or_last},
                                                                           {"last", first_or_last},
                                                                           {"join", join},
                                                                           {"reverse", reverse},
                                                                           {"items", items},
                                                                           {"dictsort", dictsort},
                                                                           {"sort", sort},
                                                                           {"min", extreme},
                                                                           {"max", extreme},
                                                                           {"unique", unique},
                                                                           {"sum", sum},
                                                                           {"batch", batch},
                                                                           {"attr", attr}}};

}  // namespace

Filter list_filter(std::string_view name) {
  const auto* found =
      std::find_if(kFilters.begin(), kFilters.end(), [&](const auto& entry) { return entry.first == name; });
  return found == kFilters.end() ? nullptr : found->second;
}

}  // namespace bsbr::jinja
