#include "engine/tokenizer/jinja/filters.h"

#include <algorithm>

#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

Filter find_filter(std::string_view name) {
  for (const auto& family : {text_filter, list_filter, number_filter, element_filter}) {
    if (const Filter found = family(name); found != nullptr) return found;
  }
  return nullptr;
}

}  // namespace

Value apply_filter(Budget& budget, std::string_view name, const Value& value, const Arguments& arguments) {
  budget.work(1);
  const Filter filter = find_filter(name);
  if (filter == nullptr) unsupported(cat("uses the filter \"", name, "\", which is not understood"));
  return filter({budget, name, value, arguments});
}

Value without_case(Budget& budget, const Value& value) {
  if (value.text() == nullptr) return value;
  budget.work(1 + value.text()->size() / 4);
  return lower(*value.text());
}

Values sort_by(Budget& budget, const Values& items, const std::function<Value(const Value&)>& key,
               bool reverse) {
  Values keys;
  std::vector<std::size_t> order;
  for (const Value& item : items) {
    keys.push_back(key(item));
    order.push_back(order.size());
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return reverse ? less(budget, keys[b], keys[a]) : less(budget, keys[a], keys[b]);
  });
  Values sorted;
  for (const std::size_t i : order) sorted.push_back(items[i]);
  return sorted;
}

}  // namespace bsbr::jinja
