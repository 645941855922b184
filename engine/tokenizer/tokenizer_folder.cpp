#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/tokenizer/folder_tokens.h"
#include "engine/tokenizer/merges_file.h"
#include "engine/tokenizer/tokenizer_json.h"
#include "engine/tokenizer/tokenizer_parts.h"

namespace bsbr {
namespace {

using nlohmann::json;
using std::filesystem::path;

bool is_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

[[noreturn]] void fail_missing(const path& folder, bool vocabulary, bool merges) {
  if (const path other = folder / "tokenizer.model"; is_there(other) && !vocabulary && !merges) {
    throw Error(
        ErrorKind::Unsupported,
        cat(other.string(), ": tokenizers of this format cannot be read; tokenizer.json, or vocab.json ",
            "and merges.txt, of a byte-level BPE are needed, and the folder has neither"));
  }
  throw Error(ErrorKind::NotFound,
              cat(folder.string(), ": the tokenizer's ", vocabulary ? "" : "vocab.json",
                  !vocabulary && !merges ? " and " : "", merges ? "" : "merges.txt",
                  !vocabulary && !merges ? " are" : " is", " missing, and there is no tokenizer.json"));
}

Vocabulary read_vocabulary(const path& file) {
  const json object = read_python_json(file);
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

// vocab.json and merges.txt.
TokenizerSource read_bpe_files(const path& folder, const TokenizerClassChoice& choice) {
  const bool vocabulary_there = is_there(folder / "vocab.json");
  const bool merges_there = is_there(folder / "merges.txt");
  if (!vocabulary_there || !merges_there) fail_missing(folder, vocabulary_there, merges_there);
  if (choice.own == nullptr) {
    throw Error(
        ErrorKind::Unsupported,
        cat(choice.reason, "; vocab.json and merges.txt do not say how it splits text, and there is no ",
            "tokenizer.json that does; save the tokenizer with transformers' fast tokenizers to get one"));
  }
  Vocabulary vocabulary = read_vocabulary(folder / "vocab.json");
  static_cast<void>(vocabulary.byte_ids(Bpe::kLeftOut));  // before the merges, which would complain of less
  MergeTable merges = read_merges_file(folder / "merges.txt", vocabulary);
  return {.vocabulary = std::move(vocabulary),
          .merges = std::move(merges),
          .split = PreTokenizer({}),
          .missing_byte = Bpe::kLeftOut};
}

// What would change the ids or the text, and what no tokenizer that is known asks for.
void check_config(const JsonEntry& config) {
  if (const JsonEntry split = config.at("split_special_tokens"); split.flag(false)) {
    split.unsupported("is true; only false is known: special tokens in a text are found");
  }
  const JsonEntry forced =
      config.at("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output");
  if (forced.flag(false) && config.at("clean_up_tokenization_spaces").flag(false)) {
    forced.unsupported("is true; only false is known: spaces in decoded text are kept");
  }
}

// add_bos_token and add_eos_token count only where no tokenizer.json has a post-processor.
SurroundingTokens tokens_to_add(const TokenizerFiles& files, const TokenizerClass* own,
                                const JsonEntry& config, const AddedTokens& tokens) {
  const auto id_of = [&](const char* flag, const char* role) -> std::vector<TokenId> {
    if (!config.at(flag).flag(false)) return {};
    const SpecialToken* token = tokens.find(role_token(files, own, role));
    return token == nullptr ? std::vector<TokenId>() : std::vector<TokenId>{token->id};
  };
  return {id_of("add_bos_token", "bos_token"), id_of("add_eos_token", "eos_token")};
}

}  // namespace

TokenizerParts read_tokenizer_folder(const path& folder) {
  if (!is_there(folder)) throw Error(ErrorKind::NotFound, cat(folder.string(), ": there is no such folder"));
  const TokenizerFiles files(folder);
  const path model_file = folder / "config.json";
  const json model = read_if_there(model_file);
  const JsonEntry config(files.config, "", files.config_file);
  const JsonEntry root(files.tokenizer, "", files.tokenizer_file);
  const bool in_json = !root.is_null();
  check_config(config);

  const TokenizerClassChoice choice =
      choose_tokenizer_class(config, JsonEntry(model, "", model_file), in_json);
  const TokenizerClass* own = choice.own;
  TokenizerSource source = !in_json         ? read_bpe_files(folder, choice)
                           : own == nullptr ? read_pipeline(root)
                                            : read_bpe_model(root.at("model"));
  if (own != nullptr) {
    source.split = own->split(config.at("add_prefix_space").flag(false));
    source.normalizer = own->normalizer();
  }
  AddedTokens tokens(source.vocabulary);
  add_folder_tokens(files, own, tokens);
  source.specials = tokens.all();
  if (!in_json) {
    source.around = tokens_to_add(files, own, config, tokens);
  } else if (own == nullptr || !own->drops_post_processor) {
    source.around = read_post_processor(root.at("post_processor"), source.vocabulary);
  }
  return assemble(std::move(source));
}

}  // namespace bsbr
