#include "engine/tokenizer/jinja/template.h"

#include "engine/tokenizer/jinja/evaluator.h"
#include "engine/tokenizer/jinja/parser.h"

namespace bsbr::jinja {
namespace {

Body parse_at(std::string_view source, const std::string& where) {
  if (source.size() > kMostTemplateBytes) {
    throw Error(ErrorKind::InvalidFile, cat(where, " is ", source.size(), " bytes long; at most ",
                                            kMostTemplateBytes, " are expected"));
  }
  try {
    return parse(source);
  } catch (const Error& error) {
    throw Error(error.kind(), cat(where, ", ", error.what()));
  }
}

std::uint64_t size_of(const Value& value) {
  std::uint64_t size = 1;
  if (const std::string* text = value.text()) size += text->size();
  if (const Sequence* list = value.sequence()) {
    for (const Value& item : list->items) size += size_of(item);
  }
  if (const Dict* dict = value.dict()) {
    for (const auto& [key, entry] : dict->entries) size += size_of(key) + size_of(entry);
  }
  return size;
}

}  // namespace

Template::Template(std::string_view source, std::string where)
    : body_(std::make_shared<const Body>(parse_at(source, where))),
      where_(std::move(where)),
      size_(source.size()) {}

std::string Template::render(const Variables& variables, std::time_t now) const {
  std::uint64_t size = size_;
  for (const auto& [name, value] : variables) size += size_of(value);
  std::tm local{};
  if (localtime_r(&now, &local) == nullptr) fail(cat(where_, ": the time ", now, " has no date"));
  Budget budget(size);
  Evaluator evaluator(budget, variables, local);
  try {
    return evaluator.render(*body_);
  } catch (const Refusal& refusal) {
    throw Error(refusal.kind(), cat(where_, " refuses this conversation: ", refusal.what()));
  } catch (const Error& error) {
    throw Error(error.kind(), cat(where_, ", line ", evaluator.line(), ": ", error.what()));
  }
}

}  // namespace bsbr::jinja
