#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bsbr {

struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant"
  std::string content;
};

/// How a model was taught to read a conversation: one of the common forms that chat templates write. The
/// templates are Jinja programs; they are recognised by what they contain, not run.
struct ChatTemplate {
  enum class Form {
    ChatMl,  ///< <|im_start|>role\n…<|im_end|>\n
    Llama3,  ///< <|start_header_id|>role<|end_header_id|>\n\n…<|eot_id|>
  };
  Form form = Form::ChatMl;
  std::string beginning = {};                      ///< before the first message (Llama 3: <|begin_of_text|>)
  std::optional<std::string> default_system = {};  ///< system message where there is none
  std::string system_preamble = {};  ///< before the system message's content (Llama 3.1: the date)
  bool trim = false;                 ///< white space around contents is dropped

  /// The special token that ends a message, where generating an answer stops.
  [[nodiscard]] std::string_view end_of_message() const;
};

/// Recognises the text of a chat template. `bos_token` is what the template's variable of that name stands
/// for. `where` is for messages. Throws Error(Unsupported) if it is of no known form, or does more than that.
ChatTemplate recognise_chat_template(std::string_view jinja, std::string_view bos_token,
                                     const std::string& where);

/// The template of a checkpoint's folder: chat_template.jinja, or chat_template in tokenizer_config.json (a
/// string, or a list with one named "default"); nothing if it has none. Throws as above, and
/// Error(InvalidFile | Io).
std::optional<ChatTemplate> read_chat_template(const std::filesystem::path& folder);

/// The conversation as the model reads it, to be encoded with special tokens; they also act where a content
/// spells them. `add_generation_prompt` opens the assistant's answer. Throws Error(InvalidArgument) without
/// messages, or if a role is empty.
std::string render_chat(const ChatTemplate& chat, std::span<const ChatMessage> messages,
                        bool add_generation_prompt);

}  // namespace bsbr
