#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/bsbr/commands.h"
#include "app/bsbr/conversion.h"
#include "app/bsbr/plan_table.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/model/summary.h"

namespace bsbr::cli {
namespace {

struct Info {
  Common common;
  std::string checkpoint;

  void run() const {
    common.apply();
    const Checkpoint opened = open_checkpoint(checkpoint);
    const CheckpointSummary summary = summarize(opened);
    warn(summary.warnings);
    if (common.json) return print_json(summary.to_json());
    const ModelConfig& config = summary.config;
    std::cout << opened.name() << "  (" << opened.folder().string() << ")\n"
              << "  family      " << config.family << '\n'
              << "  parameters  " << with_commas(summary.parameters) << '\n'
              << "  layers      " << config.layers << '\n'
              << "  heads       " << config.heads << " of " << config.head_dim;
    if (config.kv_heads != config.heads) std::cout << ", " << config.kv_heads << " for keys and values";
    std::cout << "\n  context     " << with_commas(config.context) << " tokens\n"
              << "  vocabulary  " << with_commas(config.vocabulary) << " tokens\n"
              << "  weights     " << summary.dtype << ", "
              << human_bytes(static_cast<std::int64_t>(summary.bytes)) << '\n';
    if (!config.bsbr) {
      std::cout << "  bsbr        not converted: dense attention\n";
      return;
    }
    std::cout << "  bsbr        chunk " << config.bsbr->chunk_size << ", block " << config.bsbr->block_size
              << ", compression " << config.bsbr->compression_factor << ", window " << config.bsbr->window
              << ", " << plan_words(*config.bsbr) << '\n';
    if (!config.bsbr->plan.empty()) print_plan(std::cout << '\n', *config.bsbr, config.context);
  }
};

}  // namespace

void add_info(CLI::App& app) {
  auto info = std::make_shared<Info>();
  CLI::App* command = app.add_subcommand("info", "Say what a checkpoint is");
  command->add_option("CKPT", info->checkpoint, kCheckpointHelp)->required();
  info->common.add_to(*command);
  command->callback([info] { info->run(); });
}

}  // namespace bsbr::cli
