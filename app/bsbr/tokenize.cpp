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

  void run() const {
    common.apply();
    const Tokenizer tokenizer = open_tokenizer(open_checkpoint(checkpoint));
    const std::vector<TokenId> ids = tokenizer.encode(read_input(text));
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
  tokenize->common.add_to(*command);
  command->callback([tokenize] { tokenize->run(); });
}

}  // namespace bsbr::cli
