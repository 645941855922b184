#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/merges_file.h"
#include "engine/tokenizer/tokenizer_parts.h"
#include "engine/tokenizer/vocabulary.h"

namespace bsbr {
namespace {

using nlohmann::json;
using std::filesystem::path;

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

void check_files(const path& folder) {
  if (!is_there(folder)) throw Error(ErrorKind::NotFound, cat(folder.string(), ": there is no such folder"));
  const bool vocabulary = is_there(folder / "vocab.json");
  const bool merges = is_there(folder / "merges.txt");
  if (vocabulary && merges) return;
  if (!vocabulary && !merges) {
    for (const char* other : {"tokenizer.json", "tokenizer.model"}) {
      if (!is_there(folder / other)) continue;
      throw Error(
          ErrorKind::Unsupported,
          cat((folder / other).string(), ": tokenizers of this format cannot be read yet; vocab.json and ",
              "merges.txt of a byte-level BPE are needed, and the folder has neither"));
    }
  }
  throw Error(ErrorKind::NotFound, cat(folder.string(), ": the tokenizer's ", vocabulary ? "" : "vocab.json",
                                       !vocabulary && !merges ? " and " : "", merges ? "" : "merges.txt",
                                       !vocabulary && !merges ? " are" : " is", " missing"));
}

// Qwen2, SmolLM2 and others have vocab.json and merges.txt too, but cut text elsewhere. Their ids would be
// wrong without a word, so what the folder says about the way of cutting has to agree.
void check_split(const path& folder) {
  const auto refuse = [](const path& file, const std::string& what) {
    throw Error(ErrorKind::Unsupported,
                cat(file.string(), ": ", what, "; only GPT-2's way of splitting text is known"));
  };
  if (const path file = folder / "tokenizer_config.json"; is_there(file)) {
    static const std::vector<std::string> known = {
        "GPT2Tokenizer",       "GPT2TokenizerFast",       "CodeGenTokenizer", "CodeGenTokenizerFast",
        "PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend"};
    const json config = read_json_object(file);
    const auto name = config.find("tokenizer_class");
    if (name != config.end() && name->is_string() &&
        std::find(known.begin(), known.end(), name->get_ref<const std::string&>()) == known.end()) {
      refuse(file, cat("the tokenizer is a ", quoted(name->get_ref<const std::string&>())));
    }
  }
  if (const path file = folder / "tokenizer.json"; is_there(file)) {
    const json config = read_json_object(file);
    const json none;
    const json& normalizer = config.contains("normalizer") ? config["normalizer"] : none;
    const json& split = config.contains("pre_tokenizer") ? config["pre_tokenizer"] : none;
    if (!normalizer.is_null()) refuse(file, "the tokenizer has a normalizer");
    if (!split.is_object() || !split.contains("type") || split["type"] != "ByteLevel" ||
        (split.contains("use_regex") && split["use_regex"] != true)) {
      refuse(file, "pre_tokenizer is not ByteLevel alone");
    }
  }
}

Vocabulary read_vocabulary(const path& file) {
  const json object = read_json_object(file);
  Vocabulary vocabulary(file, object.size());
  for (const auto& [text, id] : object.items()) {
    if (!id.is_number_unsigned()) {
      throw Error(ErrorKind::InvalidFile,
                  cat(file.string(), ": the id of ", quoted(text), " is not an integer of 0 or more"));
    }
    vocabulary.add(text, id.get<std::uint64_t>());
  }
  return vocabulary;
}

// A special token's id must not also be what BPE makes of other bytes, or it could not be decoded.
void check_specials(const std::vector<SpecialToken>& specials, const Vocabulary& vocabulary, const Bpe& bpe) {
  for (const SpecialToken& token : specials) {
    const auto bytes = bytes_of_symbols(token.text);
    if (!bytes || *bytes == token.text) continue;
    std::vector<TokenId> ids;
    bpe.encode(*bytes, ids);
    if (ids.size() == 1 && ids[0] == token.id) {
      throw Error(ErrorKind::InvalidFile,
                  cat(vocabulary.file().string(), ": the special token ", quoted(token.text), " has the id ",
                      token.id, ", which is an ordinary token of other bytes"));
    }
  }
}

}  // namespace

TokenizerParts read_gpt2_folder(const path& folder) {
  check_files(folder);
  check_split(folder);
  const Vocabulary vocabulary = read_vocabulary(folder / "vocab.json");
  const auto byte_ids = vocabulary.byte_ids();
  Bpe bpe(byte_ids, read_merges_file(folder / "merges.txt", vocabulary));
  std::vector<SpecialToken> specials = read_added_tokens(folder, vocabulary);
  check_specials(specials, vocabulary, bpe);
  TokenTable tokens(vocabulary, specials);
  return {SplitPattern(kGpt2Split), std::move(bpe), SpecialTokens(std::move(specials)), std::move(tokens)};
}

}  // namespace bsbr
