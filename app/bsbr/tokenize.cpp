#include <iostream>
#include <memory>

#include "app/bsbr/commands.h"
#include "app/bsbr/settings.h"
#include "engine/model/checkpoint_tokenizer.h"

namespace bsbr::cli {
namespace {

struct Tokenize {
  Common common;
  std::string checkpoint, text;
  bool plain = false;

  [[nodiscard]] std::vector<TokenId> encode(const Tokenizer& tokenizer, const std::string& input) const {
    return plain ? tokenizer.encode(input) : tokenizer.encode_with_special(input);
  }

  void run() const {
    common.apply();
    const Tokenizer tokenizer = open_tokenizer(open_checkpoint(checkpoint));
    const std::vector<TokenId> ids = encode(tokenizer, read_input(text));
    if (common.json) return print_json({{"ids", ids}, {"count", ids.size()}});
    for (std::size_t i = 0; i < ids.size(); ++i) std::cout << (i == 0 ? "" : " ") << ids[i];
    std::cout << '\n';
  }
};

}  // namespace

void add_tokenize(CLI::App& app) {
  auto tokenize = std::make_shared<Tokenize>();
  CLI::App* command = app.add_subcommand("tokenize", "Print the token ids of a text");
  command->add_option("CKPT", tokenize->checkpoint, kCheckpointHelp)->required();
  command->add_option("--text", tokenize->text, "Text file, or - for standard input")->required();
  command->add_flag("--no-special-tokens", tokenize->plain,
                    "Without the tokens that the checkpoint puts around a text (e.g. the beginning token)");
  tokenize->common.add_to(*command);
  command->callback([tokenize] { tokenize->run(); });
}

}  // namespace bsbr::cli
