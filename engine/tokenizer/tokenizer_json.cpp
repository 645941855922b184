#include "engine/tokenizer/tokenizer_json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/merges_file.h"

namespace bsbr {
namespace {

// What changes the ids has to be known, so that none is wrong without a word. What is done with characters
// that have no token is nothing where all 256 bytes have one.
void check_model(const JsonEntry& model, bool all_bytes) {
  for (const char* option : {"byte_fallback", "fuse_unk"}) {
    if (!all_bytes && model.at(option).flag(false)) {
      model.at(option).unsupported("is true, and not every byte has a token; only false is known then");
    }
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

bool has_all_bytes(const Vocabulary& vocabulary) {
  for (int byte = 0; byte < 256; ++byte) {
    if (!vocabulary.id(byte_symbol(static_cast<unsigned char>(byte)))) return false;
  }
  return true;
}

// The token for bytes that have none: SmolLM2's vocabulary lacks 21.
SymbolId missing_byte(const JsonEntry& unknown, const Vocabulary& vocabulary) {
  if (unknown.is_null()) return Bpe::kLeftOut;
  const auto id = vocabulary.id(unknown.text());
  if (!id) unknown.invalid(cat("is ", quoted(unknown.text()), ", which is not in model.vocab"));
  return *id;
}

void check_decoder(const JsonEntry& entry) {
  if (entry.is_null()) entry.unsupported("is null; only byte-level tokenizers are known");
  const std::string& type = entry.at("type").text();
  if (type == "ByteLevel") return;
  if (type == "Sequence") {
    const auto decoders = entry.at("decoders").list();
    if (decoders.size() == 1) return check_decoder(decoders[0]);
    entry.at("decoders").unsupported("is not ByteLevel alone; only that is known");
  }
  entry.unsupported(cat("is a ", quoted(type), "; only ByteLevel is known"));
}

}  // namespace

TokenizerSource read_bpe_model(const JsonEntry& model) {
  if (model.is_null()) model.invalid("is missing");
  if (const JsonEntry type = model.at("type"); !type.is_null() && type.text() != "BPE") {
    type.unsupported(cat("is ", quoted(type.text()), "; only byte-level BPE is known"));
  }
  Vocabulary vocabulary = read_vocabulary(model.at("vocab"));
  MergeTable merges = read_merges(model.at("merges"), vocabulary);
  return {.vocabulary = std::move(vocabulary),
          .merges = std::move(merges),
          .split = PreTokenizer({}),
          .missing_byte = Bpe::kLeftOut};
}

TokenizerSource read_pipeline(const JsonEntry& root) {
  const JsonEntry model = root.at("model");
  TokenizerSource source = read_bpe_model(model);
  const bool all_bytes = has_all_bytes(source.vocabulary);
  check_model(model, all_bytes);
  source.normalizer = read_normalizer(root.at("normalizer"));
  source.split = read_pre_tokenizer(root.at("pre_tokenizer"));
  check_decoder(root.at("decoder"));
  source.ignore_merges = model.at("ignore_merges").flag(false);
  if (!all_bytes) source.missing_byte = missing_byte(model.at("unk_token"), source.vocabulary);
  return source;
}

SpecialToken read_added_token(const JsonEntry& entry) {
  // tokenizers looks for special tokens in the text as it is, and for others as "normalized" says.
  return {.text = entry.at("content").text(),
          .id = 0,
          .strip_left = entry.at("lstrip").flag(false),
          .strip_right = entry.at("rstrip").flag(false),
          .single_word = entry.at("single_word").flag(false),
          .normalized = entry.at("normalized").flag(!entry.at("special").flag(false))};
}

}  // namespace bsbr
