#include "engine/tokenizer/chat_template.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/base/utf8.h"
#include "engine/tokenizer/chat_special_tokens.h"
#include "engine/tokenizer/jinja/text.h"
#include "engine/tokenizer/json_entry.h"

namespace bsbr {
namespace {

using std::filesystem::path;

constexpr std::string_view kAnswer = "SomeAnswer";

template <class Call>
auto with_advice(const Call& call) {
  try {
    return call();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Unsupported) throw;
    throw Error(error.kind(), cat(error.what(), "; write the conversation as plain text instead"));
  }
}

ChatTemplate template_of_file(const path& file, const path& folder) {
  const std::string source = read_text_file(file, jinja::kMostTemplateBytes);
  if (!is_valid_utf8(source)) {
    throw Error(ErrorKind::InvalidFile,
                cat(file.string(), ": byte ", valid_utf8_prefix(source), " is not valid UTF-8"));
  }
  return parse_chat_template(source, read_special_tokens(folder), file.string());
}

bool has_templates(const path& folder) {
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->path().extension() == ".jinja") return true;
  }
  return false;
}

// The text of the entry's only template, or of the one named "default".
const std::string& default_text(const JsonEntry& entry) {
  if (entry.value().is_string()) return entry.text();
  const std::string* found = nullptr;
  if (entry.value().is_object()) {
    if (const JsonEntry named = entry.at("default"); !named.is_null()) found = &named.text();
  } else {
    for (const JsonEntry& named : entry.list()) {
      if (named.at("name").text() == "default") found = &named.at("template").text();
    }
  }
  if (found == nullptr) entry.unsupported("has no template with the name \"default\"");
  return *found;
}

std::string text_after_answer(const ChatTemplate& chat, bool is_last) {
  std::vector<ChatMessage> messages = {{"user", "Hello"}, {"assistant", std::string(kAnswer)}};
  if (!is_last) messages.push_back({"user", "Hello"});
  const std::string text = render_chat(chat, messages, false);
  const std::size_t at = text.rfind(kAnswer);
  if (at == text.npos) return "";
  return std::string(jinja::strip_left(std::string_view(text).substr(at + kAnswer.size()), std::nullopt));
}

std::optional<TokenId> first_special(const Tokenizer& tokenizer, const std::string& text) {
  const std::vector<TokenId> ids = tokenizer.encode(text);
  return ids.empty() ? std::nullopt : tokenizer.special_token(tokenizer.decode(ids.front()));
}

}  // namespace

ChatTemplate parse_chat_template(std::string_view source, std::map<std::string, std::string> special_tokens,
                                 const std::string& where) {
  return with_advice([&] {
    return ChatTemplate{jinja::Template(source, cat(where, ": the chat template")),
                        std::move(special_tokens)};
  });
}

std::optional<ChatTemplate> read_chat_template(const path& folder) {
  std::error_code ignored;
  const path more = folder / "additional_chat_templates";
  for (const path& file : {more / "default.jinja", folder / "chat_template.jinja"}) {
    if (std::filesystem::exists(file, ignored)) return template_of_file(file, folder);
  }
  if (has_templates(more)) {
    throw Error(ErrorKind::Unsupported, cat(more.string(), ": has no template with the name \"default\""));
  }
  const path config_file = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(config_file, ignored)) return std::nullopt;
  const nlohmann::json document = read_python_json(config_file);
  const JsonEntry entry = JsonEntry(document, "", config_file).at("chat_template");
  if (entry.is_null()) return std::nullopt;
  return parse_chat_template(default_text(entry), read_special_tokens(folder), config_file.string());
}

std::string render_chat(const ChatTemplate& chat, std::span<const ChatMessage> messages,
                        bool add_generation_prompt, std::time_t now) {
  if (messages.empty()) throw Error(ErrorKind::InvalidArgument, "a conversation needs at least one message");
  jinja::Values list;
  for (const auto& [role, content] : messages) {
    if (role.empty()) throw Error(ErrorKind::InvalidArgument, "a message of the conversation has no role");
    list.push_back(jinja::make_dict({{"role", role}, {"content", content}}));
  }
  jinja::Variables variables;
  for (const auto& [name, text] : chat.special_tokens) variables.insert_or_assign(name, text);
  variables.insert_or_assign("messages", jinja::make_list(std::move(list)));
  variables.insert_or_assign("tools", jinja::None());
  variables.insert_or_assign("documents", jinja::None());
  variables.insert_or_assign("add_generation_prompt", add_generation_prompt);
  return with_advice([&] { return chat.program.render(variables, now); });
}

std::optional<TokenId> end_of_answer(const ChatTemplate& chat, const Tokenizer& tokenizer) {
  for (const bool is_last : {true, false}) {
    try {
      if (const auto end = first_special(tokenizer, text_after_answer(chat, is_last))) return end;
    } catch (const Error&) {
      continue;  // the template takes no such conversation
    }
  }
  return std::nullopt;
}

}  // namespace bsbr
