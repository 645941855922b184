#include "engine/tokenizer/folder_tokens.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <utility>

#include "engine/base/json_file.h"
#include "engine/tokenizer/tokenizer_json.h"

namespace bsbr {
namespace {

using nlohmann::json;
using std::filesystem::path;

constexpr std::array<const char*, 7> kRoles = {"bos_token", "eos_token", "unk_token", "sep_token",
                                               "pad_token", "cls_token", "mask_token"};
constexpr const char* kDecoder = "added_tokens_decoder";
constexpr std::array<const char*, 2> kMoreTokens = {"extra_special_tokens", "additional_special_tokens"};

// A token and the file that gives it its id.
struct Listed {
  SpecialToken token;
  const path* file;
};
using ListedTokens = std::map<std::uint64_t, Listed>;

void list_decoder(const JsonEntry& decoder, ListedTokens& listed) {
  if (!decoder.value().is_object()) decoder.invalid("is not an object");
  for (const auto& [key, token] : decoder.value().items()) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) {
      decoder.invalid(cat("has the key ", quoted(key), ", which is not a token id"));
    }
    listed[id] = {read_added_token(decoder.at(key)), &decoder.file()};
  }
}

void list_added(const JsonEntry& added, ListedTokens& listed) {
  for (const auto& [text, id] : added.value().items()) {
    if (!id.is_number_unsigned()) {
      throw Error(ErrorKind::InvalidFile, cat(added.file().string(), ": the id of ", quoted(text),
                                              " is not an integer of 0 or more"));
    }
    const auto [other, is_new] = listed.try_emplace(
        id.get<std::uint64_t>(), Listed{{.text = text, .id = 0, .normalized = true}, &added.file()});
    if (!is_new) {
      throw Error(ErrorKind::InvalidFile,
                  cat(added.file().string(), ": gives the id ", id.get<std::uint64_t>(), " to ",
                      quoted(other->second.token.text), " and to ", quoted(text)));
    }
  }
}

// A token written as a string, or as {"content": string, …} with options.
SpecialToken named_token(const JsonEntry& entry) {
  if (entry.value().is_string()) return {.text = entry.text(), .id = 0};
  if (!entry.value().is_object() || entry.at("content").is_null()) {
    entry.invalid("is neither a string nor an object with \"content\"");
  }
  SpecialToken token = read_added_token(entry);
  token.normalized = entry.at("normalized").flag(false);
  return token;
}

class FolderTokens {
 public:
  FolderTokens(const TokenizerFiles& files, const TokenizerClass* own)
      : own_(own),
        config_(files.config, "", files.config_file),
        map_(files.map, "", files.map_file),
        added_(files.added, "", files.added_file),
        tokenizer_(files.tokenizer, "", files.tokenizer_file),
        has_decoder_(!config_.at(kDecoder).is_null()) {}

  void add_to(AddedTokens& tokens) const {
    const std::vector<Named> named = all_named();
    const ListedTokens listed = list(named);
    if (own_ == nullptr) add_file_tokens(tokens);
    for (const auto& [id, entry] : listed) tokens.add(entry.token, id, *entry.file);
    for (const Named& name : named) {
      if (tokens.find(name.token.text) == nullptr) tokens.add(name.token, std::nullopt, *name.file);
    }
    if (own_ == nullptr || !own_->plain_specials) return;
    for (const Named& name : named) {
      tokens.add({.text = name.token.text, .id = 0}, std::nullopt, *name.file);
    }
  }

  [[nodiscard]] std::string role_text(const std::string& role) const {
    const auto token = role_token(role);
    return token ? token->token.text : "";
  }

 private:
  struct Named {
    SpecialToken token;
    const path* file;
  };

  // What gives `key` a value: special_tokens_map.json goes first where it is read at all.
  [[nodiscard]] JsonEntry source_of(const std::string& key) const {
    return !has_decoder_ && map_.value().contains(key) ? map_ : config_;
  }

  [[nodiscard]] std::optional<Named> role_token(const std::string& role) const {
    const JsonEntry source = source_of(role);
    if (source.value().contains(role)) {
      const JsonEntry entry = source.at(role);
      if (entry.is_null()) return std::nullopt;
      return Named{named_token(entry), &source.file()};
    }
    const std::string_view text = default_of(role);
    if (text.empty()) return std::nullopt;
    return Named{{.text = std::string(text), .id = 0}, &config_.file()};
  }

  [[nodiscard]] std::string_view default_of(const std::string& role) const {
    if (own_ == nullptr) return {};
    if (role == "bos_token") return own_->bos;
    if (role == "eos_token") return own_->eos;
    if (role == "unk_token") return own_->unk;
    return role == "pad_token" ? own_->pad : std::string_view();
  }

  [[nodiscard]] std::vector<Named> all_named() const {
    std::vector<Named> named;
    for (const char* role : kRoles) {
      if (auto token = role_token(role)) named.push_back(std::move(*token));
    }
    add_own_roles(config_, named);
    if (!has_decoder_) add_own_roles(map_, named);
    add_more(named);
    return named;
  }

  // Roles that a checkpoint made up: any other "…_token" that is a text.
  static void add_own_roles(const JsonEntry& file, std::vector<Named>& named) {
    for (const auto& [key, value] : file.value().items()) {
      const bool known = std::find(kRoles.begin(), kRoles.end(), key) != kRoles.end();
      if (key.ends_with("_token") && !known && value.is_string()) {
        named.push_back({named_token(file.at(key)), &file.file()});
      }
    }
  }

  void add_more(std::vector<Named>& named) const {
    for (const char* key : kMoreTokens) {
      const JsonEntry source = source_of(key);
      const JsonEntry more = source.at(key);
      if (more.is_null() || more.value().empty()) continue;
      if (more.value().is_object()) {
        for (const auto& [role, value] : more.value().items()) {
          named.push_back({named_token(more.at(role)), &source.file()});
        }
      } else {
        for (const JsonEntry& entry : more.list()) named.push_back({named_token(entry), &source.file()});
      }
      return;
    }
  }

  [[nodiscard]] ListedTokens list(const std::vector<Named>& named) const {
    ListedTokens listed;
    if (has_decoder_) {
      list_decoder(config_.at(kDecoder), listed);
      return listed;
    }
    list_added(added_, listed);
    for (auto& [id, entry] : listed) {
      const std::string& text = entry.token.text;
      entry.token.normalized = std::none_of(named.begin(), named.end(),
                                            [&](const Named& name) { return name.token.text == text; });
    }
    if (tokenizer_.is_null() || tokenizer_.at("added_tokens").is_null()) return listed;
    for (const JsonEntry& token : tokenizer_.at("added_tokens").list()) {
      listed[token.at("id").number()] = {read_added_token(token), &tokenizer_.file()};
    }
    return listed;
  }

  void add_file_tokens(AddedTokens& tokens) const {
    const JsonEntry added = tokenizer_.at("added_tokens");
    if (added.is_null()) return;
    for (const JsonEntry& token : added.list()) {
      tokens.add(read_added_token(token), token.at("id").number(), tokenizer_.file());
    }
  }

  const TokenizerClass* own_;
  JsonEntry config_, map_, added_, tokenizer_;
  bool has_decoder_;
};

}  // namespace

json read_if_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored) ? read_python_json(file) : json::object();
}

TokenizerFiles::TokenizerFiles(const path& folder)
    : config_file(folder / "tokenizer_config.json"),
      map_file(folder / "special_tokens_map.json"),
      added_file(folder / "added_tokens.json"),
      tokenizer_file(folder / "tokenizer.json"),
      config(read_if_there(config_file)),
      map(read_if_there(map_file)),
      added(read_if_there(added_file)) {
  std::error_code ignored;
  if (std::filesystem::exists(tokenizer_file, ignored)) tokenizer = read_json_object(tokenizer_file);
}

void add_folder_tokens(const TokenizerFiles& files, const TokenizerClass* own, AddedTokens& tokens) {
  FolderTokens(files, own).add_to(tokens);
}

std::string role_token(const TokenizerFiles& files, const TokenizerClass* own, const std::string& role) {
  return FolderTokens(files, own).role_text(role);
}

}  // namespace bsbr
