#include "engine/tokenizer/added_tokens.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/base/error.h"
#include "engine/base/json_file.h"

namespace bsbr {
namespace {

using nlohmann::json;
using std::filesystem::path;

// The roles that special_tokens_map.json and tokenizer_config.json give to tokens.
constexpr const char* kRoles[] = {"bos_token", "eos_token", "unk_token", "pad_token",
                                  "sep_token", "cls_token", "mask_token"};
constexpr const char* kMoreTokens = "additional_special_tokens";
constexpr const char* kDecoder = "added_tokens_decoder";
constexpr const char* kEndOfText = "<|endoftext|>";

[[noreturn]] void fail(const path& file, const std::string& what) {
  throw Error(ErrorKind::InvalidFile, cat(file.string(), ": ", what));
}

[[noreturn]] void contradiction(const std::string& text, SymbolId id, const path& file, SymbolId other,
                                const path& other_file) {
  fail(file, cat("gives ", quoted(text), " the id ", id, ", but ", other_file.string(), " gives it ", other));
}

[[noreturn]] void same_id(SymbolId id, const std::string& text, const path& file, std::string_view other,
                          const path& other_file) {
  fail(file, cat("gives the id ", id, " to ", quoted(text), ", but ", other_file.string(), " gives it to ",
                 quoted(other)));
}

json read_if_there(const path& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored) ? read_json_object(file) : json::object();
}

// A token written as a string or as {"content": string, …}; null is no token.
void name_token(const json& value, const std::string& entry, const path& file, AddedTokens& tokens) {
  const json* text = &value;
  if (value.is_object() && value.contains("content")) text = &value["content"];
  if (text->is_null()) return;
  if (!text->is_string()) fail(file, cat(entry, " is neither a string nor an object with \"content\""));
  tokens.name(text->get_ref<const std::string&>());
}

void name_roles(const json& object, const path& file, AddedTokens& tokens) {
  for (const char* role : kRoles) {
    if (object.contains(role)) name_token(object[role], role, file, tokens);
  }
  if (!object.contains(kMoreTokens) || object[kMoreTokens].is_null()) return;
  if (!object[kMoreTokens].is_array()) fail(file, cat(kMoreTokens, " is not a list"));
  for (const json& token : object[kMoreTokens]) name_token(token, kMoreTokens, file, tokens);
}

void add_decoder(const json& config, const path& file, AddedTokens& tokens) {
  if (!config.contains(kDecoder)) return;
  const json& decoder = config[kDecoder];
  if (!decoder.is_object()) fail(file, cat(kDecoder, " is not an object"));
  for (const auto& [key, token] : decoder.items()) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) {
      fail(file, cat(kDecoder, ": the key ", quoted(key), " is not a token id"));
    }
    if (!token.is_object() || !token.contains("content") || !token["content"].is_string()) {
      fail(file, cat(kDecoder, ": the token ", id, " has no \"content\" string"));
    }
    tokens.add(token["content"].get_ref<const std::string&>(), id, file);
  }
}

void add_added(const json& added, const path& file, AddedTokens& tokens) {
  for (const auto& [text, id] : added.items()) {
    if (!id.is_number_unsigned())
      fail(file, cat("the id of ", quoted(text), " is not an integer of 0 or more"));
    tokens.add(text, id.get<std::uint64_t>(), file);
  }
}

}  // namespace

void AddedTokens::add(const std::string& text, std::uint64_t wide_id, const path& file) {
  if (text.empty()) fail(file, cat("the token with the id ", wide_id, " has an empty text"));
  const SymbolId id = vocabulary_.checked_id(wide_id, text, file);
  if (const auto other = vocabulary_.id(text); other && *other != id) {
    contradiction(text, id, file, *other, vocabulary_.file());
  }
  if (const auto other = vocabulary_.text(id); other && *other != text) {
    same_id(id, text, file, *other, vocabulary_.file());
  }
  const auto [by_text, new_text] = by_text_.try_emplace(text, Origin{id, file});
  if (by_text->second.id != id) contradiction(text, id, file, by_text->second.id, by_text->second.file);
  const auto [by_id, new_id] = by_id_.try_emplace(id, text);
  if (by_id->second != text) same_id(id, text, file, by_id->second, by_text_.at(by_id->second).file);
}

void AddedTokens::name(const std::string& text) {
  if (const auto id = vocabulary_.id(text); id && !text.empty()) add(text, *id, vocabulary_.file());
}

std::vector<SpecialToken> AddedTokens::all() const {
  std::vector<SpecialToken> tokens;
  tokens.reserve(by_text_.size());
  for (const auto& [text, origin] : by_text_) tokens.push_back({text, origin.id});
  return tokens;
}

std::vector<SpecialToken> read_added_tokens(const path& folder, const Vocabulary& vocabulary) {
  const path added = folder / "added_tokens.json";
  const path config = folder / "tokenizer_config.json";
  const path map = folder / "special_tokens_map.json";
  AddedTokens tokens(vocabulary);
  add_added(read_if_there(added), added, tokens);
  const json configuration = read_if_there(config);
  add_decoder(configuration, config, tokens);
  name_roles(configuration, config, tokens);
  name_roles(read_if_there(map), map, tokens);
  tokens.name(kEndOfText);
  return tokens.all();
}

}  // namespace bsbr
