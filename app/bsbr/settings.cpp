#include "app/bsbr/settings.h"

#include <iostream>
#include <iterator>

#include "app/bsbr/terminal.h"
#include "engine/base/json_file.h"
#include "engine/model/runtime.h"

namespace bsbr::cli {

void Common::add_to(CLI::App& command) {
  command.add_flag("--json", json, "Print one JSON document instead of text");
  command.add_option("--device", device, "Where to compute: cpu or cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--threads", threads, "CPU threads (default: all cores)")->check(CLI::Range(1, 1024));
}

void Common::apply() const {
  if (threads) set_threads(*threads);
}

void add_bsbr_options(CLI::App& command, BsbrConfig& config) {
  command
      .add_option("--chunk-size", config.chunk_size,
                  "Tokens a chunk; attention inside the own chunk is exact")
      ->capture_default_str();
  command
      .add_option("--block-size", config.block_size, "Tokens a block, the unit of retrieval; a power of two")
      ->capture_default_str();
  command
      .add_option("--compression-factor", config.compression_factor,
                  "Tokens a condensed state; a power of two")
      ->capture_default_str();
  command.add_option("--retrieve", config.retrieve, "Far tokens that each query reads exactly")
      ->capture_default_str();
  command.add_option("--window", config.window, "Previous chunks that are exact too")->capture_default_str();
}

std::string read_input(const std::string& path) {
  if (path != "-") return read_text_file(path, std::uint64_t{1} << 30);
  std::string text{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  if (std::cin.bad()) throw Error(ErrorKind::Io, "standard input cannot be read");
  return text;
}

LanguageModel load_model(const Checkpoint& checkpoint, const std::string& device) {
  LanguageModel model = [&] {
    ProgressLine progress;
    return LanguageModel::load(checkpoint, device, progress.job());
  }();
  for (const std::string& warning : model.warnings()) std::cerr << "bsbr: warning: " << warning << '\n';
  return model;
}

void print_json(const nlohmann::json& json) {
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

}  // namespace bsbr::cli
