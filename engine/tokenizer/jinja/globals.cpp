#include <locale.h>

#include <algorithm>
#include <string_view>

#include "engine/tokenizer/jinja/arguments.h"
#include "engine/tokenizer/jinja/comparison.h"
#include "engine/tokenizer/jinja/evaluator.h"
#include "engine/tokenizer/jinja/printing.h"

namespace bsbr::jinja {
namespace {

Value make_range(Budget& budget, const Arguments& given) {
  const Bound bound("range", given, {"", "", ""});
  const std::int64_t start = bound.has(1) ? bound[0].integer() : 0;
  const std::int64_t stop = bound.has(1) ? bound[1].integer() : bound[0].integer();
  const std::int64_t step = bound.integer(2, 1);
  if (step == 0) fail("range() arg 3 must not be zero");
  const bool any = step > 0 ? start < stop : start > stop;
  const std::uint64_t size =
      step > 0 ? static_cast<std::uint64_t>(step) : ~static_cast<std::uint64_t>(step) + 1;
  const std::uint64_t span = step > 0 ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                                      : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
  const std::uint64_t count = any ? (span - 1) / size + 1 : 0;
  if (count > kMostRange) fail(cat("range() of more than ", kMostRange, " elements"));
  budget.work(count);
  Values items;
  std::int64_t value = start;
  for (std::uint64_t i = 0; i < count; ++i) {
    items.emplace_back(value);
    if (i + 1 < count) value += step;
  }
  std::string shown =
      step == 1 ? cat("range(", start, ", ", stop, ")") : cat("range(", start, ", ", stop, ", ", step, ")");
  return make_sequence(Sequence::Kind::Range, std::move(items), std::move(shown));
}

// The entries that dict() and namespace() are given.
std::vector<std::pair<Value, Value>> entries_of(Budget& budget, std::string_view name,
                                                const Arguments& given) {
  std::vector<std::pair<Value, Value>> entries;
  if (given.positional.size() > 1) fail(cat(name, " expected at most 1 argument"));
  if (!given.positional.empty()) {
    if (const Dict* dict = given.positional[0].dict()) {
      entries = dict->entries;
      budget.work(entries.size());
    } else {
      for (const Value& pair : iterate(budget, given.positional[0])) {
        const Values both = iterate(budget, pair);
        if (both.size() != 2) fail("dictionary update sequence element has not length 2");
        set_key(budget, entries, both[0], both[1]);
      }
    }
  }
  for (const auto& [key, value] : given.named) set_key(budget, entries, key, value);
  return entries;
}

[[noreturn]] void refuse_global(const std::string& name) {
  unsupported(cat("uses ", name, "(), which is not understood"));
}

}  // namespace

Value Evaluator::make_namespace(const Arguments& given) {
  const auto made = std::make_shared<Namespace>();
  namespaces_.push_back(made);
  for (const auto& [key, value] : entries_of(budget_, "namespace", given)) {
    if (key.text() == nullptr || key.text()->starts_with('_'))
      unsupported("makes a namespace with a field of this name");
    made->fields.insert_or_assign(*key.text(), value);
  }
  return made;
}

Value Evaluator::date(const Arguments& given) const {
  const Bound bound("strftime_now", given, {"format"});
  const std::string& format = bound.text(0);
  budget_.bytes(format.size(), 64);
  for (std::size_t at = format.find('%'); at != format.npos; at = format.find('%', at + 2)) {
    static constexpr std::string_view kUnderstood = "aAwdbBmyYHIpMSjUWcxX%GuVeFTDR";
    if (at + 1 == format.size() || kUnderstood.find(format[at + 1]) == kUnderstood.npos) {
      unsupported(cat("writes a date by the format \"", format.substr(0, 64), "\""));
    }
  }
  if (format.find('\0') != format.npos) fail("embedded null character");
  // The program's locale is the user's; Python's is not.
  const std::unique_ptr<std::remove_pointer_t<locale_t>, void (*)(locale_t)> plain(
      ::newlocale(LC_ALL_MASK, "C", nullptr), ::freelocale);
  std::string text(format.size() * 32 + 32, '\0');
  text.resize(::strftime_l(text.data(), text.size(), format.c_str(), &now_, plain.get()));
  return text;
}

void Evaluator::add_globals(Scope& globals) {
  const auto add = [&](std::string name, std::function<Value(const Arguments&)> call) {
    Value function = make_function(name, std::move(call));
    globals.names.insert_or_assign(std::move(name), std::move(function));
  };
  add("range", [this](const Arguments& given) { return make_range(budget_, given); });
  add("dict", [this](const Arguments& given) { return make_dict(entries_of(budget_, "dict", given)); });
  add("namespace", [this](const Arguments& given) { return make_namespace(given); });
  add("strftime_now", [this](const Arguments& given) { return date(given); });
  add("raise_exception", [this](const Arguments& given) -> Value {
    const Bound bound("raise_exception", given, {"message"});
    throw Refusal(to_text(budget_, bound[0]));
  });
  for (const std::string name : {"lipsum", "cycler", "joiner"}) {
    add(name, [name](const Arguments&) -> Value { refuse_global(name); });
  }
}

}  // namespace bsbr::jinja
