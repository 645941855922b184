#include "engine/model/generation.h"

#include <chrono>
#include <memory>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/dense_start.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/model_text.h"
#include "engine/tokenizer/stream_decoder.h"

namespace bsbr::cli {
namespace {

struct Generate {
  explicit Generate(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  DenseStart dense_start;
  std::string dtype = "float32";
  GenerationOptions options;
  std::string checkpoint, prompt;
  bool chat = false;

  /// The prompt's tokens: as it is, or as a user's message that the assistant is to answer.
  std::vector<TokenId> encode(const Checkpoint& opened, const Tokenizer& tokenizer) {
    if (!chat) return tokenizer.encode_with_special(prompt);
    const std::optional<ChatTemplate> form = open_chat_template(opened);
    if (!form) {
      throw Error(ErrorKind::Unsupported,
                  cat(checkpoint,
                      ": has no chat template; generate without --chat, or use a checkpoint that "
                      "was trained for conversation"));
    }
    if (const auto end = end_of_answer(*form, tokenizer)) options.stops.push_back(*end);
    const ChatMessage message{"user", prompt};
    return tokenizer.encode(render_chat(*form, {&message, 1}, true));
  }

  void run() {
    common.apply();
    options.sampling.validate();
    const Checkpoint opened = open_checkpoint(terminal, checkpoint);
    const Tokenizer tokenizer = open_tokenizer(opened);
    const std::vector<TokenId> ids = encode(opened, tokenizer);
    check_embedded(ids, tokenizer, config_of(opened));
    const LanguageModel loaded = load_model(terminal, opened, common.device, dtype);
    const LanguageModel model = loaded.with_dense_start(dense_start.of(terminal, loaded, tokenizer));
    const std::vector<TokenId>& ends = model.config().end_tokens;
    options.stops.insert(options.stops.end(), ends.begin(), ends.end());
    const Job job = terminal.job();
    StreamDecoder decoder(tokenizer);
    // With the first token, so that nothing is printed where the prompt is refused.
    bool begun = false;
    const auto begin = [&] {
      if (!begun && !chat) terminal.out << prompt;
      begun = true;
    };
    const auto start = std::chrono::steady_clock::now();
    const std::vector<TokenId> made = generate(
                                          model, {ids}, options,
                                          [&](std::size_t, TokenId token) {
                                            if (common.json) return true;
                                            begin();
                                            terminal.out << decoder.push(token) << std::flush;
                                            return terminal.out.good();
                                          },
                                          job)
                                          .front();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (common.json) {
      return terminal.print_json({{"prompt", prompt},
                                  {"text", tokenizer.decode(made)},
                                  {"tokens", made},
                                  {"tokens_per_second", static_cast<double>(made.size()) / seconds}});
    }
    begin();
    terminal.out << decoder.finish() << '\n';
  }
};

}  // namespace

void add_generate(CommandLine& line, Terminal& terminal) {
  auto generate = std::make_shared<Generate>(terminal);
  const Command command = line.add("generate", "Continue a text, token by token");
  command.option("CKPT", generate->checkpoint, kCheckpointHelp).required();
  command.option("--prompt", generate->prompt, "Text to continue").required();
  command.option("--tokens", generate->options.tokens, "New tokens at most").whole_number().with_default();
  command.flag("--chat", generate->chat, "Put the prompt to the model as a message, by its chat template");
  SamplingOptions& sampling = generate->options.sampling;
  command.option("--temperature", sampling.temperature, "0 takes the most likely token; above, draws")
      .with_default();
  command.option("--top-k", sampling.top_k, "Draw only from the k most likely tokens; 0: from all")
      .whole_number()
      .with_default();
  command.option("--top-p", sampling.top_p, "Draw only from the smallest set of this probability")
      .with_default();
  command.option("--seed", sampling.seed, "Seed of the draw").unsigned_number().with_default();
  generate->dense_start.add_to(command);
  generate->common.add_to(command);
  add_dtype_option(command, generate->dtype);
  command.action([generate] { generate->run(); });
}

}  // namespace bsbr::cli
