#include "app/bsbr/settings.h"

#include <poll.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iostream>

#include "app/bsbr/terminal.h"
#include "engine/base/json_file.h"
#include "engine/base/resources.h"
#include "engine/hub/fetch.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/model_text.h"
#include "engine/model/runtime.h"

namespace bsbr::cli {
namespace {

/// What warn() got; nothing before its first call.
std::optional<std::vector<std::string>> given_warnings;

/// Returns when standard input can be read. Where signals are watched already they end the waiting, too.
void wait_for_input() {
  constexpr int kPollMs = 200;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (::poll(&input, 1, kPollMs) == 0) check_interrupted();
  check_interrupted();
}

}  // namespace

const CLI::Validator whole_number(
    [](const std::string& text) {
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      return error == std::errc() && end == text.data() + text.size()
                 ? ""
                 : cat(text, " is not a whole number within 64 bits");
    },
    "");

const CLI::Validator unsigned_number(
    [](const std::string& text) {
      std::uint64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      return error == std::errc() && end == text.data() + text.size()
                 ? ""
                 : cat(text, " is not a whole number from 0 to 2^64 - 1");
    },
    "");

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
      ->check(whole_number)
      ->capture_default_str();
  command
      .add_option("--block-size", config.block_size, "Tokens a block, the unit of retrieval; a power of two")
      ->check(whole_number)
      ->capture_default_str();
  command
      .add_option("--compression-factor", config.compression_factor,
                  "Tokens a condensed state; a power of two")
      ->check(whole_number)
      ->capture_default_str();
  command.add_option("--window", config.window, "Previous chunks that are exact too")
      ->check(whole_number)
      ->capture_default_str();
  command
      .add_option(
          "--candidates", config.candidate_chunks,
          "Chunks whose blocks are scored one by one; the others are read as one state each: fewer are "
          "faster where there are more chunks, and less exact")
      ->check(whole_number)
      ->capture_default_str();
}

std::string read_input(const std::string& path) {
  if (path != "-") return read_text_file(path, std::uint64_t{1} << 30);
  std::string text;
  std::array<char, 65536> piece;
  while (true) {
    wait_for_input();
    const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(ErrorKind::Io, "standard input cannot be read: " + system_message(errno));
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

void warn(const std::vector<std::string>& warnings) {
  if (!given_warnings) given_warnings.emplace();
  for (const std::string& warning : warnings) {
    if (std::ranges::find(*given_warnings, warning) != given_warnings->end()) continue;
    given_warnings->push_back(warning);
    std::cerr << "bsbr: warning: " << one_line(warning) << '\n';
  }
}

Checkpoint open_checkpoint(const std::string& path_or_name) {
  Checkpoint opened = [&] {
    ProgressLine progress;
    fetch_model(path_or_name, is_to_be_fetched(path_or_name) ? progress.job() : progress.unwatched_job());
    return Checkpoint::open(path_or_name, progress.unwatched_job());
  }();
  warn(opened.warnings());
  return opened;
}

void add_dtype_option(CLI::App& command, std::string& dtype) {
  command
      .add_option("--dtype", dtype,
                  "What to compute in: float32, float16 or bfloat16, the latter two for --device cuda")
      ->check(CLI::IsMember({"float32", "float16", "bfloat16"}))
      ->capture_default_str();
}

LanguageModel load_model(const Checkpoint& checkpoint, const std::string& device, const std::string& dtype) {
  LanguageModel model = [&] {
    ProgressLine progress;
    return LanguageModel::load(checkpoint, device, progress.job(), dtype);
  }();
  warn(model.warnings());
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

OpenedWithText open_with_text(const std::string& checkpoint, const std::string& text) {
  Checkpoint opened = open_checkpoint(checkpoint);
  ModelConfig config = config_of(opened);
  Tokenizer tokenizer = open_tokenizer(opened);
  const std::string path = text.empty() ? resource("demo/sample.txt").string() : text;
  std::string content = read_input(path);
  std::vector<TokenId> tokens = encode_text(content, input_name(path), tokenizer, config);
  return {std::move(opened), std::move(config),  std::move(tokenizer),
          input_name(path),  std::move(content), std::move(tokens)};
}

void print_json(const nlohmann::json& json) {
  nlohmann::json whole = json;
  if (given_warnings) whole["warnings"] = *given_warnings;
  std::cout << whole.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

}  // namespace bsbr::cli
