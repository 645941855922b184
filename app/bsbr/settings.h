#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/attention/bsbr_config.h"
#include "engine/model/checkpoint_config.h"
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

/// Adds --chunk-size, --block-size, --compression-factor, --window and --candidates.
void add_bsbr_options(CLI::App& command, BsbrConfig& config);

/// For check(): CLI11 by itself takes -1 for 2^64 - 1, and what is too large for the largest number.
extern const CLI::Validator whole_number, unsigned_number;

/// Reads a file, or standard input for "-". Throws Error.
std::string read_input(const std::string& path);
/// What messages call that input.
inline std::string input_name(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

/// What --help says of CKPT.
inline constexpr const char* kCheckpointHelp =
    "Checkpoint: a folder, a GGUF file, or the name or address of a model on the HuggingFace hub (ORG/NAME, "
    "with @REVISION, :FILE.gguf or :Q4_K_M if wanted), which is fetched into the local cache unless it is "
    "there";

/// Opens a checkpoint with a progress line, and fetches it first where it is a name that the cache lacks.
/// Input may be waited for next, so signals are not watched yet, but for what has to be fetched. Passes what
/// is to be known of its files to warn().
Checkpoint open_checkpoint(const std::string& path_or_name);

/// Prints warnings to stderr, each once in a run of the program, and keeps them for print_json().
void warn(const std::vector<std::string>& warnings);

/// Loads a model with a progress line, and passes its warnings to warn().
LanguageModel load_model(const Checkpoint& checkpoint, const std::string& device,
                         const std::string& dtype = "float32");
/// Adds --dtype.
void add_dtype_option(CLI::App& command, std::string& dtype);

/// The tokens of a text that the model reads (encode_for_model()); errors begin with `source`, its name.
std::vector<TokenId> encode_text(const std::string& text, const std::string& source,
                                 const Tokenizer& tokenizer, const ModelConfig& config);

/// A checkpoint with its tokenizer, and a text in its tokens.
struct OpenedWithText {
  Checkpoint checkpoint;
  ModelConfig config;
  Tokenizer tokenizer;
  std::string source;  ///< what messages call the text
  std::string text;
  std::vector<TokenId> tokens;
};
/// `text` as in read_input; empty: the bundled sample. Throws Error.
OpenedWithText open_with_text(const std::string& checkpoint, const std::string& text);

/// Prints one JSON object to stdout, with "warnings", a list, where a checkpoint was opened.
void print_json(const nlohmann::json& json);

}  // namespace bsbr::cli
