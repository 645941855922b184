#include <algorithm>

#include "engine/tokenizer/jinja/attributes.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

struct Bounds {
  std::int64_t start, stop, step;
};

// As Python's slice.indices().
Bounds bounds_of(const Value& start, const Value& stop, const Value& step, std::int64_t size) {
  const std::int64_t stride = step.is_none() ? 1 : step.integer();
  if (stride == 0) fail("slice step cannot be zero");
  const std::int64_t lowest = stride < 0 ? -1 : 0;
  const std::int64_t highest = stride < 0 ? size - 1 : size;
  const auto bound = [&](const Value& value, std::int64_t absent) {
    if (value.is_none()) return absent;
    const std::int64_t index = value.integer();
    return index < 0 ? std::max(lowest, std::max(index, -size - 1) + size) : std::min(index, highest);
  };
  const Bounds bounds{bound(start, stride < 0 ? highest : lowest), bound(stop, stride < 0 ? lowest : highest),
                      0};
  return {bounds.start, bounds.stop, std::clamp(stride, -size - 1, size + 1)};
}

// The indices of a slice, in its order.
template <class Take>
void take_each(const Bounds& bounds, const Take& take) {
  for (std::int64_t i = bounds.start; bounds.step > 0 ? i < bounds.stop : i > bounds.stop; i += bounds.step) {
    take(static_cast<std::size_t>(i));
  }
}

Value text_slice(Budget& budget, const std::string& text, const Value& start, const Value& stop,
                 const Value& step) {
  budget.bytes(2 * text.size());
  const Bounds bounds = bounds_of(start, stop, step, static_cast<std::int64_t>(count_characters(text)));
  if (bounds.step == 1) {
    const std::size_t begin = byte_offset(text, static_cast<std::size_t>(bounds.start));
    const std::size_t end = byte_offset(text, static_cast<std::size_t>(std::max(bounds.start, bounds.stop)));
    return text.substr(begin, end - begin);
  }
  budget.work(text.size());
  const auto characters = split_characters(text);
  std::string out;
  take_each(bounds, [&](std::size_t i) { out += characters[i]; });
  return out;
}

}  // namespace

Value slice(Budget& budget, const Value& object, const Value& start, const Value& stop, const Value& step) {
  require_defined(object);
  if (const std::string* text = object.text()) return text_slice(budget, *text, start, stop, step);
  const Sequence* list = object.sequence();
  using Kind = Sequence::Kind;
  if (list == nullptr || list->kind == Kind::View || list->kind == Kind::Iterator) {
    fail(cat("'", object.type_name(), "' object has no slices"));
  }
  if (list->kind == Kind::Range) unsupported("takes a slice of a range, which is not understood");
  budget.work(list->items.size());
  Values items;
  take_each(bounds_of(start, stop, step, static_cast<std::int64_t>(list->items.size())),
            [&](std::size_t i) { items.push_back(list->items[i]); });
  return make_sequence(list->kind, std::move(items));
}

}  // namespace bsbr::jinja
