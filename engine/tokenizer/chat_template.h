#pragma once

#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/tokenizer/jinja/template.h"
#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant"
  std::string content;
};

/// How a model was taught to read a conversation: its chat template, a Jinja program, and the special tokens
/// that it names. Thread-safe; cheap to copy.
struct ChatTemplate {
  jinja::Template program;
  std::map<std::string, std::string> special_tokens;  ///< by the variable's name, e.g. "bos_token"
};

/// `special_tokens`: what transformers calls special_tokens_map. `where` begins messages. Throws
/// Error(InvalidFile) if `source` is no Jinja, and Error(Unsupported) for what is not understood of it.
ChatTemplate parse_chat_template(std::string_view source, std::map<std::string, std::string> special_tokens,
                                 const std::string& where);

/// The template of a checkpoint's folder, where transformers looks for it:
/// additional_chat_templates/default.jinja, else chat_template.jinja, else chat_template in
/// tokenizer_config.json (a string, or a list or an object with one named "default"); nothing if it has none.
/// Throws as above, and Error(InvalidFile | Io).
std::optional<ChatTemplate> read_chat_template(const std::filesystem::path& folder);

/// The conversation as the model reads it, to be encoded with special tokens; they also act where a content
/// spells them. `add_generation_prompt` opens the assistant's answer; `now` is the date where the template
/// writes it. Throws Error(InvalidArgument) without messages, if a role is empty, or if the template refuses
/// the conversation; and Error(Unsupported).
std::string render_chat(const ChatTemplate& chat, std::span<const ChatMessage> messages,
                        bool add_generation_prompt, std::time_t now = std::time(nullptr));

/// The special token that the template writes after an assistant's answer, where generating one stops;
/// nothing if there is none.
std::optional<TokenId> end_of_answer(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace bsbr
