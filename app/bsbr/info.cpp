#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/conversion.h"
#include "app/bsbr/plan_table.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/model/summary.h"

namespace bsbr::cli {
namespace {

struct Info {
  explicit Info(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  std::string checkpoint;

  void run() const {
    common.apply();
    const Checkpoint opened = open_checkpoint(terminal, checkpoint);
    const CheckpointSummary summary = summarize(opened);
    terminal.warn(summary.warnings);
    if (common.json) return terminal.print_json(summary.to_json());
    const ModelConfig& config = summary.config;
    terminal.out << opened.name() << "  (" << opened.folder().string() << ")\n"
                 << "  family      " << config.family << '\n'
                 << "  parameters  " << with_commas(summary.parameters) << '\n'
                 << "  layers      " << config.layers << '\n'
                 << "  heads       " << config.heads << " of " << config.head_dim;
    if (config.kv_heads != config.heads) terminal.out << ", " << config.kv_heads << " for keys and values";
    terminal.out << "\n  context     " << with_commas(config.context) << " tokens\n"
                 << "  vocabulary  " << with_commas(config.vocabulary) << " tokens\n"
                 << "  weights     " << summary.dtype << ", "
                 << human_bytes(static_cast<std::int64_t>(summary.bytes)) << '\n';
    if (!config.bsbr) {
      terminal.out << "  bsbr        not converted: dense attention\n";
      return;
    }
    terminal.out << "  bsbr        chunk " << config.bsbr->chunk_size << ", block " << config.bsbr->block_size
                 << ", compression " << config.bsbr->compression_factor << ", window " << config.bsbr->window
                 << ", " << plan_words(*config.bsbr) << '\n';
    if (!config.bsbr->plan.empty()) print_plan(terminal.out << '\n', *config.bsbr, config.context);
  }
};

}  // namespace

void add_info(CommandLine& line, Terminal& terminal) {
  auto info = std::make_shared<Info>(terminal);
  const Command command = line.add("info", "Say what a checkpoint is");
  command.option("CKPT", info->checkpoint, kCheckpointHelp).required();
  info->common.add_to(command);
  command.action([info] { info->run(); });
}

}  // namespace bsbr::cli
