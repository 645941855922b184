#include "engine/tokenizer/tokenizer_json.h"

namespace bsbr {
namespace {

TokenId checked(const JsonEntry& id, const std::string& text, const Vocabulary& vocabulary) {
  return static_cast<TokenId>(vocabulary.checked_id(id.number(), text, id.file()));
}

// The ids of one piece {"SpecialToken": {"id": name}}.
void add_special(const JsonEntry& piece, const JsonEntry& specials, const Vocabulary& vocabulary,
                 std::vector<TokenId>& ids) {
  const std::string& name = piece.at("SpecialToken").at("id").text();
  for (const JsonEntry& id : specials.at(name).at("ids").list()) {
    ids.push_back(checked(id, name, vocabulary));
  }
}

SurroundingTokens read_template(const JsonEntry& entry, const Vocabulary& vocabulary) {
  const JsonEntry single = entry.at("single");
  const JsonEntry specials = entry.at("special_tokens");
  SurroundingTokens around;
  bool text = false;
  for (const JsonEntry& piece : single.list()) {
    if (!piece.at("SpecialToken").is_null()) {
      add_special(piece, specials, vocabulary, text ? around.after : around.before);
      continue;
    }
    const JsonEntry sequence = piece.at("Sequence");
    if (sequence.is_null()) piece.invalid("is neither a \"SpecialToken\" nor a \"Sequence\"");
    if (const JsonEntry id = sequence.at("id"); id.text() != "A") {
      id.invalid(cat("is ", quoted(id.text()), "; a template for one text has only \"A\""));
    }
    if (text) single.unsupported("has the text twice; only templates with it once are known");
    text = true;
  }
  if (!text) single.unsupported("leaves the text out; only templates with it once are known");
  return around;
}

// ["text", id]
TokenId read_pair(const JsonEntry& entry, const Vocabulary& vocabulary) {
  const auto pair = entry.list();
  if (pair.size() != 2) entry.invalid("is not a pair of a token and its id");
  return checked(pair[1], pair[0].text(), vocabulary);
}

}  // namespace

SurroundingTokens read_post_processor(const JsonEntry& entry, const Vocabulary& vocabulary) {
  if (entry.is_null()) return {};
  const std::string& type = entry.at("type").text();
  if (type == "ByteLevel") return {};
  if (type == "TemplateProcessing") return read_template(entry, vocabulary);
  if (type == "RobertaProcessing" || type == "BertProcessing") {
    return {{read_pair(entry.at("cls"), vocabulary)}, {read_pair(entry.at("sep"), vocabulary)}};
  }
  if (type != "Sequence") {
    entry.unsupported(cat("is a ", quoted(type), "; ByteLevel, TemplateProcessing, RobertaProcessing, ",
                          "BertProcessing and sequences of them are known"));
  }
  SurroundingTokens around;
  for (const JsonEntry& part : entry.at("processors").list()) {
    SurroundingTokens found = read_post_processor(part, vocabulary);
    if (found.before.empty() && found.after.empty()) continue;
    if (!around.before.empty() || !around.after.empty()) {
      part.unsupported("is the second that puts tokens around a text; only one is known");
    }
    around = std::move(found);
  }
  return around;
}

}  // namespace bsbr
