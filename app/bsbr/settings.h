#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/bsbr/options.h"
#include "app/bsbr/terminal.h"
#include "engine/attention/bsbr_config.h"
#include "engine/model/checkpoint_config.h"
#include "engine/model/language_model.h"

namespace bsbr::cli {

/// Options that every command takes.
struct Common {
  bool json = false;
  std::string device = "cpu";
  std::optional<int> threads;

  void add_to(const Command& command);
  /// Makes the chosen number of threads the engine's.
  void apply() const;
};

/// Adds --chunk-size, --block-size, --compression-factor, --window and --candidates.
void add_bsbr_options(const Command& command, BsbrConfig& config);

/// Reads a file. Throws Error.
std::string read_text(const std::string& path);
/// Reads a file, or standard input for "-". Throws Error.
std::string read_input(Terminal& terminal, const std::string& path);
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
/// is to be known of its files to Terminal::warn().
Checkpoint open_checkpoint(Terminal& terminal, const std::string& path_or_name);

/// Loads a model with a progress line, and passes its warnings to Terminal::warn().
LanguageModel load_model(Terminal& terminal, const Checkpoint& checkpoint, const std::string& device,
                         const std::string& dtype = "float32");
/// Adds --dtype.
void add_dtype_option(const Command& command, std::string& dtype);

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
OpenedWithText open_with_text(Terminal& terminal, const std::string& checkpoint, const std::string& text);

}  // namespace bsbr::cli
