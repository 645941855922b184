#include <array>
#include <utility>

#include "engine/tokenizer/nfc.h"
#include "engine/tokenizer/tokenizer_json.h"

namespace bsbr {
namespace {

void add_steps(const JsonEntry& entry, Normalizer& normalizer) {
  static constexpr std::array<std::pair<const char*, UnicodeForm>, 3> kForms = {
      {{"NFD", UnicodeForm::D}, {"NFKC", UnicodeForm::KC}, {"NFKD", UnicodeForm::KD}}};
  const std::string& type = entry.at("type").text();
  if (type == "NFC") return normalizer.add_nfc();
  for (const auto& [name, form] : kForms) {
    if (type == name) {
      return normalizer.add([form = form](std::string_view text) { return to_form(text, form); });
    }
  }
  if (type == "Lowercase") return normalizer.add(lower_case);
  if (type == "Strip") {
    const bool left = entry.at("strip_left").flag(true);
    const bool right = entry.at("strip_right").flag(true);
    return normalizer.add(
        [left, right](std::string_view text) { return without_white_ends(text, left, right); });
  }
  if (type == "Prepend") {
    return normalizer.add(
        [prefix = entry.at("prepend").text()](std::string_view text) { return with_prefix(text, prefix); });
  }
  if (type == "Replace") {
    const JsonEntry from = entry.at("pattern").at("String");
    if (from.is_null()) entry.at("pattern").unsupported("is not a string; only strings are replaced");
    if (from.text().empty()) from.unsupported("is empty");
    return normalizer.add([from = from.text(), to = entry.at("content").text()](std::string_view text) {
      return with_replaced(text, from, to);
    });
  }
  if (type == "Sequence") {
    for (const JsonEntry& part : entry.at("normalizers").list()) add_steps(part, normalizer);
    return;
  }
  entry.unsupported(cat("is a ", quoted(type),
                        "; NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace and sequences of them ",
                        "are known"));
}

}  // namespace

Normalizer read_normalizer(const JsonEntry& entry) {
  Normalizer normalizer;
  if (!entry.is_null()) add_steps(entry, normalizer);
  return normalizer;
}

}  // namespace bsbr
