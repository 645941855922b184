#include "app/bsbr/settings.h"

#include <array>
#include <istream>

#include "engine/base/json_file.h"
#include "engine/base/resources.h"
#include "engine/hub/fetch.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/model_text.h"
#include "engine/model/runtime.h"

namespace bsbr::cli {

void Common::add_to(const Command& command) {
  command.flag("--json", json, "Print one JSON document instead of text");
  command.option("--device", device, "Where to compute: cpu or cuda").one_of({"cpu", "cuda"}).with_default();
  command.option("--threads", threads, "CPU threads (default: all cores)").between(1, kMostThreads);
}

void Common::apply() const {
  if (threads) set_threads(*threads);
}

void add_bsbr_options(const Command& command, BsbrConfig& config) {
  command.option("--chunk-size", config.chunk_size, "Tokens a chunk; attention inside the own chunk is exact")
      .whole_number()
      .with_default();
  command.option("--block-size", config.block_size, "Tokens a block, the unit of retrieval; a power of two")
      .whole_number()
      .with_default();
  command
      .option("--compression-factor", config.compression_factor, "Tokens a condensed state; a power of two")
      .whole_number()
      .with_default();
  command.option("--window", config.window, "Previous chunks that are exact too")
      .whole_number()
      .with_default();
  command
      .option("--candidates", config.candidate_chunks,
              "Chunks whose blocks are scored one by one; the others are read as one state each: fewer are "
              "faster where there are more chunks, and less exact")
      .whole_number()
      .with_default();
}

std::string read_text(const std::string& path) {
  return read_text_file(path, std::uint64_t{1} << 30);
}

std::string read_input(Terminal& terminal, const std::string& path) {
  if (path != "-") return read_text(path);
  std::string text;
  std::array<char, 65536> piece;
  do {
    terminal.in.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(terminal.in.gcount()));
  } while (terminal.in);
  return text;
}

Checkpoint open_checkpoint(Terminal& terminal, const std::string& path_or_name) {
  Checkpoint opened = [&] {
    ProgressLine progress(terminal);
    fetch_model(path_or_name, is_to_be_fetched(path_or_name) ? progress.job() : progress.unwatched_job());
    return Checkpoint::open(path_or_name, progress.unwatched_job());
  }();
  terminal.warn(opened.warnings());
  return opened;
}

void add_dtype_option(const Command& command, std::string& dtype) {
  command
      .option("--dtype", dtype,
              "What to compute in: float32, float16 or bfloat16, the latter two for --device cuda")
      .one_of({"float32", "float16", "bfloat16"})
      .with_default();
}

LanguageModel load_model(Terminal& terminal, const Checkpoint& checkpoint, const std::string& device,
                         const std::string& dtype) {
  LanguageModel model = [&] {
    ProgressLine progress(terminal);
    return LanguageModel::load(checkpoint, device, progress.job(), dtype);
  }();
  terminal.warn(model.warnings());
  return model;
}

std::vector<TokenId> encode_text(const std::string& text, const std::string& source,
                                 const Tokenizer& tokenizer, const ModelConfig& config) {
  try {
    return encode_for_model(text, tokenizer, config);
  } catch (const Error& error) {
    throw Error(error.kind(), cat(source, ": ", error.what()));
  }
}

OpenedWithText open_with_text(Terminal& terminal, const std::string& checkpoint, const std::string& text) {
  Checkpoint opened = open_checkpoint(terminal, checkpoint);
  ModelConfig config = config_of(opened);
  Tokenizer tokenizer = open_tokenizer(opened);
  const std::string path = text.empty() ? resource("demo/sample.txt").string() : text;
  std::string content = read_input(terminal, path);
  std::vector<TokenId> tokens = encode_text(content, input_name(path), tokenizer, config);
  return {std::move(opened), std::move(config),  std::move(tokenizer),
          input_name(path),  std::move(content), std::move(tokens)};
}

}  // namespace bsbr::cli
