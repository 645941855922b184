#include "engine/tokenizer/chat_template.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/tokenizer/json_entry.h"
#include "engine/tokenizer/white_space.h"

namespace bsbr {
namespace {

using std::filesystem::path;

constexpr std::uint64_t kMostBytes = 1u << 20;
constexpr std::string_view kDatePreamble = "Cutting Knowledge Date: December 2023";

struct Markers {
  std::string_view begin, after_role, end, after_message;
};

constexpr Markers kChatMl = {"<|im_start|>", "\n", "<|im_end|>", "\n"};
constexpr Markers kLlama3 = {"<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>", ""};

const Markers& markers_of(ChatTemplate::Form form) {
  return form == ChatTemplate::Form::ChatMl ? kChatMl : kLlama3;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// What a template does besides, and would be lost.
constexpr std::array<std::string_view, 7> kUnknown = {
    "<think>", "</think>", "reasoning_content", "enable_thinking", "<|python_tag|>{{", "|upper", "| upper"};

/// A string or a stretch of plain text of a template that begins at `marker`: what it says up to `end`, if
/// that comes before the string or the stretch does end.
std::optional<std::string> literal_between(std::string_view jinja, std::size_t marker, std::string_view begin,
                                           std::string_view end) {
  const char quote =
      marker > 0 && (jinja[marker - 1] == '\'' || jinja[marker - 1] == '"') ? jinja[marker - 1] : '\0';
  std::string_view rest = jinja.substr(marker);
  std::string said;
  while (!rest.empty()) {
    if (said.size() >= begin.size() && !said.starts_with(begin)) return std::nullopt;
    if (said.size() >= begin.size() && said.ends_with(end)) {
      return said.substr(begin.size(), said.size() - begin.size() - end.size());
    }
    if (quote == '\0' && (rest.starts_with("{{") || rest.starts_with("{%"))) return std::nullopt;
    char next = rest[0];
    rest.remove_prefix(1);
    if (quote != '\0' && next == quote) {
      return said.starts_with(begin) && said.ends_with(end)
                 ? std::optional(said.substr(begin.size(), said.size() - begin.size() - end.size()))
                 : std::nullopt;
    }
    if (quote != '\0' && next == '\\' && !rest.empty()) {
      next = rest[0] == 'n' ? '\n' : rest[0] == 't' ? '\t' : rest[0];
      rest.remove_prefix(1);
    }
    said += next;
  }
  return std::nullopt;
}

std::optional<std::string> default_system(std::string_view jinja, const Markers& markers) {
  const std::string begin = cat(markers.begin, "system", markers.after_role);
  for (std::size_t at = jinja.find(markers.begin); at != jinja.npos; at = jinja.find(markers.begin, at + 1)) {
    if (auto text = literal_between(jinja, at, begin, markers.end)) return text;
  }
  return std::nullopt;
}

// Whether an end marker of the template is followed by a line's end, in the same string or the next.
bool line_follows(std::string_view jinja, std::string_view marker) {
  for (std::size_t at = jinja.find(marker); at != jinja.npos; at = jinja.find(marker, at + 1)) {
    std::string_view rest = jinja.substr(at + marker.size());
    if (rest.starts_with('\n') || rest.starts_with("\\n")) return true;
    rest.remove_prefix(std::min(rest.find_first_not_of(" +'\""), rest.size()));
    if (rest.starts_with('\n') || rest.starts_with("\\n")) return true;
  }
  return false;
}

// Llama 3.1 and later name a date before the system message: today's, or the one in the template. Empty if
// the template names it in another way.
std::string date_preamble(std::string_view jinja) {
  std::string date;
  constexpr std::string_view kSet = "date_string = \"";
  if (contains(jinja, "strftime_now")) {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    std::array<char, 32> text{};
    if (localtime_r(&now, &local) != nullptr) std::strftime(text.data(), text.size(), "%d %b %Y", &local);
    date = text.data();
  } else if (const std::size_t at = jinja.find(kSet); at != jinja.npos) {
    const std::string_view rest = jinja.substr(at + kSet.size());
    date = rest.substr(0, rest.find('"'));
  }
  return date.empty() ? date : cat(kDatePreamble, "\nToday Date: ", date, "\n\n");
}

// As Python's str.strip(), which takes four separators for white space that Unicode does not.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kMore = "\x1C\x1D\x1E\x1F";
  for (std::size_t before = text.size() + 1; text.size() != before;) {
    before = text.size();
    text.remove_prefix(white_at_start(text));
    text.remove_suffix(white_at_end(text));
    text.remove_prefix(std::min(text.find_first_not_of(kMore), text.size()));
    text.remove_suffix(text.size() - (text.find_last_not_of(kMore) + 1));
  }
  return text;
}

std::string bos_token_of(const JsonEntry& config) {
  JsonEntry token = config.at("bos_token");
  if (token.value().is_object()) token = token.at("content");
  return token.is_null() ? std::string() : token.text();
}

}  // namespace

std::string_view ChatTemplate::end_of_message() const {
  return markers_of(form).end;
}

ChatTemplate recognise_chat_template(std::string_view jinja, std::string_view bos_token,
                                     const std::string& where) {
  const auto refuse = [&](const std::string& what) {
    throw Error(
        ErrorKind::Unsupported,
        cat(where, ": the chat template ", what,
            "; the ChatML and Llama 3 forms are known. Write the conversation as plain text instead"));
  };
  const bool chat_ml = contains(jinja, kChatMl.begin) && contains(jinja, kChatMl.end);
  const bool llama3 = contains(jinja, kLlama3.begin) && contains(jinja, kLlama3.end);
  if (chat_ml == llama3) refuse("is of an unknown form");
  for (const std::string_view unknown : kUnknown) {
    if (contains(jinja, unknown)) refuse(cat("uses \"", unknown, "\", which is not understood"));
  }
  ChatTemplate chat{.form = chat_ml ? ChatTemplate::Form::ChatMl : ChatTemplate::Form::Llama3};
  if (chat_ml && !line_follows(jinja, kChatMl.end)) refuse("does not end a line after <|im_end|>");
  if (contains(jinja, "bos_token")) chat.beginning = bos_token;
  chat.trim = contains(jinja, "| trim") || contains(jinja, "|trim") || contains(jinja, ".strip()");
  chat.default_system = default_system(jinja, markers_of(chat.form));
  if (contains(jinja, kDatePreamble) || contains(jinja, "strftime_now")) {
    if (contains(jinja, kDatePreamble)) chat.system_preamble = date_preamble(jinja);
    if (chat.system_preamble.empty()) refuse("writes a date in a way that is not understood");
    if (!chat.default_system) chat.default_system = "";
  }
  return chat;
}

std::optional<ChatTemplate> read_chat_template(const path& folder) {
  std::error_code ignored;
  const path config_file = folder / "tokenizer_config.json";
  nlohmann::json document = nlohmann::json::object();
  if (std::filesystem::exists(config_file, ignored)) document = read_json_object(config_file);
  const JsonEntry config(document, "", config_file);
  const std::string bos_token = bos_token_of(config);

  if (const path file = folder / "chat_template.jinja"; std::filesystem::exists(file, ignored)) {
    return recognise_chat_template(read_text_file(file, kMostBytes), bos_token, file.string());
  }
  const JsonEntry entry = config.at("chat_template");
  if (entry.is_null()) return std::nullopt;
  if (entry.value().is_string())
    return recognise_chat_template(entry.text(), bos_token, config_file.string());
  for (const JsonEntry& named : entry.list()) {
    if (named.at("name").text() == "default") {
      return recognise_chat_template(named.at("template").text(), bos_token, config_file.string());
    }
  }
  entry.unsupported("has no template with the name \"default\"");
}

std::string render_chat(const ChatTemplate& chat, std::span<const ChatMessage> messages,
                        bool add_generation_prompt) {
  if (messages.empty()) throw Error(ErrorKind::InvalidArgument, "a conversation needs at least one message");
  const Markers& markers = markers_of(chat.form);
  std::string text = chat.beginning;
  const auto open = [&](std::string_view role) {
    text.append(markers.begin).append(role).append(markers.after_role);
  };
  const auto add = [&](std::string_view role, std::string_view content, std::string_view preamble) {
    if (role.empty()) throw Error(ErrorKind::InvalidArgument, "a message of the conversation has no role");
    open(role);
    text.append(preamble).append(chat.trim ? trimmed(content) : content);
    text.append(markers.end).append(markers.after_message);
  };
  if (chat.default_system && messages[0].role != "system") {
    add("system", *chat.default_system, chat.system_preamble);
  }
  for (const ChatMessage& message : messages) {
    const bool first_system = &message == messages.data() && message.role == "system";
    add(message.role, message.content, first_system ? std::string_view(chat.system_preamble) : "");
  }
  if (add_generation_prompt) open("assistant");
  return text;
}

}  // namespace bsbr
