#include "engine/tokenizer/chat_template.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

/// A template, and what it makes of a conversation.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<ChatMessage> messages{{"system", " Be kind. "},
                                                 {"user", "Hello \xC3\xA9 <think>x</think>"},
                                                 {"assistant", "<think>\na</think>\n\nx"},
                                                 {"user", "And 1 < 2?\n"}};
  constexpr std::time_t kThen = 1'700'000'000;
  fuzz::reads([&] {
    const ChatTemplate chat = parse_chat_template(fuzz::text_of(data, size),
                                                  {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, "template");
    fuzz::reads([&] { static_cast<void>(render_chat(chat, messages, true, kThen)); });
    fuzz::reads(
        [&] { static_cast<void>(render_chat(chat, std::span(messages).subspan(1, 2), false, kThen)); });
  });
  return 0;
}
