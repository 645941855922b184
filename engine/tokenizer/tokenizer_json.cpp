#include "engine/tokenizer/tokenizer_json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "engine/base/json_file.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/merges_file.h"

namespace bsbr {
namespace {

using std::filesystem::path;

// What changes the ids has to be known, so that none is wrong without a word.
void check_model(const JsonEntry& model) {
  if (const JsonEntry type = model.at("type"); !type.is_null() && type.text() != "BPE") {
    type.unsupported(cat("is ", quoted(type.text()), "; only byte-level BPE is known"));
  }
  for (const char* option : {"byte_fallback", "fuse_unk"}) {
    if (model.at(option).flag(false)) model.at(option).unsupported("is true; only false is known");
  }
  for (const char* option : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const JsonEntry entry = model.at(option);
    if (!entry.is_null() && !entry.text().empty()) {
      entry.unsupported(cat("is ", quoted(entry.text()), "; byte-level BPE has none"));
    }
  }
  if (const JsonEntry dropout = model.at("dropout"); !dropout.is_null() && dropout.value() != 0) {
    dropout.unsupported("is not null; merges cannot be dropped at random");
  }
}

Vocabulary read_vocabulary(const JsonEntry& entry) {
  if (!entry.value().is_object()) entry.invalid("is not an object");
  Vocabulary vocabulary(entry.file(), entry.value().size());
  for (const auto& [text, id] : entry.value().items()) {
    if (!id.is_number_unsigned())
      entry.invalid(cat("gives ", quoted(text), " an id that is not an integer of 0 or more"));
    vocabulary.add(text, id.get<std::uint64_t>());
  }
  return vocabulary;
}

MergeTable read_merges(const JsonEntry& entry, const Vocabulary& vocabulary) {
  if (!entry.value().is_array()) entry.invalid("is not a list");
  MergeTable merges;
  MergeAdder adder(vocabulary, merges);
  std::size_t index = 0;
  for (const auto& merge : entry.value()) {
    std::optional<std::string> wrong;
    if (merge.is_string()) {
      wrong = adder.add(merge.get_ref<const std::string&>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      wrong = adder.add(merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
    } else {
      wrong = "neither \"left right\" nor [\"left\", \"right\"]";
    }
    if (wrong)
      JsonEntry(merge, cat("model.merges[", index, "]"), entry.file()).invalid("is wrong: " + *wrong);
    ++index;
  }
  return merges;
}

// The token for bytes that have none: SmolLM2's vocabulary lacks 21.
SymbolId missing_byte(const JsonEntry& unknown, const Vocabulary& vocabulary) {
  if (unknown.is_null()) return Bpe::kLeftOut;
  const auto id = vocabulary.id(unknown.text());
  if (!id) unknown.invalid(cat("is ", quoted(unknown.text()), ", which is not in model.vocab"));
  return *id;
}

void read_added(const JsonEntry& entry, TokenizerSource& source) {
  if (entry.is_null()) return;
  AddedTokens known(source.vocabulary);
  std::set<std::string> seen;
  for (const JsonEntry& token : entry.list()) {
    const std::string& text = token.at("content").text();
    const std::uint64_t id = token.at("id").number();
    known.add(text, id, entry.file());
    if (token.at("single_word").flag(false)) {
      token.at("single_word").unsupported(cat("is true for ", quoted(text), "; only false is known"));
    }
    if (!seen.insert(text).second) continue;
    // tokenizers looks for special tokens in the text as it is, and for others as "normalized" says.
    const bool normalized = token.at("normalized").flag(!token.at("special").flag(false));
    auto& tokens = normalized ? source.normalized_specials : source.specials;
    tokens.push_back({.text = text,
                      .id = static_cast<TokenId>(id),
                      .strip_left = token.at("lstrip").flag(false),
                      .strip_right = token.at("rstrip").flag(false)});
  }
}

void check_decoder(const JsonEntry& entry) {
  if (entry.is_null()) entry.unsupported("is null; only byte-level tokenizers are known");
  const std::string& type = entry.at("type").text();
  if (type != "ByteLevel") entry.unsupported(cat("is a ", quoted(type), "; only ByteLevel is known"));
}

// The first token of a TemplateProcessing's template for one text, unless that is the text itself.
std::optional<TokenId> template_beginning(const JsonEntry& entry, const Vocabulary& vocabulary) {
  const auto pieces = entry.at("single").list();
  if (pieces.empty()) entry.at("single").invalid("is empty");
  const JsonEntry special = pieces[0].at("SpecialToken");
  if (special.is_null()) return std::nullopt;
  const JsonEntry ids = entry.at("special_tokens").at(special.at("id").text()).at("ids");
  const auto list = ids.list();
  if (list.size() != 1 || pieces.size() < 2 || !pieces[1].at("SpecialToken").is_null()) {
    entry.unsupported("puts more than one token before a text");
  }
  return vocabulary.checked_id(list[0].number(), special.at("id").text(), entry.file());
}

std::optional<TokenId> read_post_processor(const JsonEntry& entry, const Vocabulary& vocabulary) {
  if (entry.is_null()) return std::nullopt;
  const std::string& type = entry.at("type").text();
  if (type == "ByteLevel") return std::nullopt;
  if (type == "TemplateProcessing") return template_beginning(entry, vocabulary);
  if (type != "Sequence") {
    entry.unsupported(
        cat("is a ", quoted(type), "; ByteLevel, TemplateProcessing and sequences of them are known"));
  }
  std::optional<TokenId> beginning;
  for (const JsonEntry& part : entry.at("processors").list()) {
    const auto found = read_post_processor(part, vocabulary);
    if (found && beginning) part.unsupported("is the second that puts a token before a text");
    if (found) beginning = found;
  }
  return beginning;
}

}  // namespace

TokenizerParts read_tokenizer_json(const path& file) {
  const nlohmann::json document = read_json_object(file);
  const JsonEntry root(document, "", file);
  const JsonEntry model = root.at("model");
  if (model.is_null()) model.invalid("is missing");
  check_model(model);
  const bool nfc = read_normalizer(root.at("normalizer"));
  PreTokenizer split = read_pre_tokenizer(root.at("pre_tokenizer"));
  check_decoder(root.at("decoder"));
  Vocabulary vocabulary = read_vocabulary(model.at("vocab"));
  MergeTable merges = read_merges(model.at("merges"), vocabulary);
  const SymbolId missing = missing_byte(model.at("unk_token"), vocabulary);
  const auto beginning = read_post_processor(root.at("post_processor"), vocabulary);
  TokenizerSource source{.vocabulary = std::move(vocabulary),
                         .merges = std::move(merges),
                         .split = std::move(split),
                         .specials = {},
                         .ignore_merges = model.at("ignore_merges").flag(false),
                         .nfc = nfc,
                         .missing_byte = missing,
                         .beginning_token = beginning};
  read_added(root.at("added_tokens"), source);
  return assemble(std::move(source));
}

}  // namespace bsbr
