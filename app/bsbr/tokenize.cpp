#include <memory>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/settings.h"
#include "engine/model/checkpoint_tokenizer.h"

namespace bsbr::cli {
namespace {

struct Tokenize {
  explicit Tokenize(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  std::string checkpoint, text;
  bool plain = false;

  [[nodiscard]] std::vector<TokenId> encode(const Tokenizer& tokenizer, const std::string& input) const {
    return plain ? tokenizer.encode(input) : tokenizer.encode_with_special(input);
  }

  void run() const {
    common.apply();
    const Tokenizer tokenizer = open_tokenizer(open_checkpoint(terminal, checkpoint));
    const std::vector<TokenId> ids = encode(tokenizer, read_input(terminal, text));
    if (common.json) return terminal.print_json({{"ids", ids}, {"count", ids.size()}});
    for (std::size_t i = 0; i < ids.size(); ++i) terminal.out << (i == 0 ? "" : " ") << ids[i];
    terminal.out << '\n';
  }
};

}  // namespace

void add_tokenize(CommandLine& line, Terminal& terminal) {
  auto tokenize = std::make_shared<Tokenize>(terminal);
  const Command command = line.add("tokenize", "Print the token ids of a text");
  command.option("CKPT", tokenize->checkpoint, kCheckpointHelp).required();
  command.option("--text", tokenize->text, "Text file, or - for standard input").required();
  command.flag("--no-special-tokens", tokenize->plain,
               "Without the tokens that the checkpoint puts around a text (e.g. the beginning token)");
  tokenize->common.add_to(command);
  command.action([tokenize] { tokenize->run(); });
}

}  // namespace bsbr::cli
