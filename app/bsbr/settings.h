#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/attention/bsbr_config.h"
#include "engine/model/language_model.h"

namespace bsbr::cli {

/// Options that every command takes.
struct Common {
  bool json = false;
  std::string device = "cpu";
  std::optional<int> threads;

  void add_to(CLI::App& command);
  /// Makes the chosen number of threads the engine's.
  void apply() const;
};

/// Adds --chunk-size, --block-size, --compression-factor, --retrieve and --window.
void add_bsbr_options(CLI::App& command, BsbrConfig& config);

/// Reads a file, or standard input for "-". Throws Error.
std::string read_input(const std::string& path);

/// Loads a model with a progress line, and prints its warnings to stderr.
LanguageModel load_model(const Checkpoint& checkpoint, const std::string& device);

/// Prints one JSON document to stdout.
void print_json(const nlohmann::json& json);

}  // namespace bsbr::cli
