#include "engine/export/model_card.h"

#include <cmath>
#include <sstream>

#include "engine/base/error.h"
#include "engine/base/json_file.h"

namespace bsbr {
namespace {

/// Three significant digits.
double rounded(double value) {
  if (!(value > 0)) return 0;
  const double unit = std::pow(10, std::floor(std::log10(value)) - 2);
  return std::round(value / unit) * unit;
}

std::string figures(const Fidelity* check) {
  if (check == nullptr) return {};
  return cat("| kept of the original, on ", check->tokens, " tokens of text | |\n|---|---|\n| density | ",
             rounded(100 * check->density), " % of all query-key pairs are read exactly |\n| perplexity | ",
             check->original_perplexity, " -> ", check->converted_perplexity, " |\n| KL divergence | ",
             rounded(check->kl), " nats a token |\n| top-1 agreement | ",
             rounded(100 * check->top1_agreement), " % |\n\n");
}

constexpr std::uint64_t kLargestCard = 4U << 20;

/// The lines of the original's card that say what its licence is, each with its line break.
std::string licence_lines(const Checkpoint& source) {
  if (const auto gguf = source.gguf()) {
    const auto* const licence = gguf->get<std::string>("general.license");
    const bool plain =
        licence != nullptr && !licence->empty() && licence->find_first_of("\r\n:#") == std::string::npos;
    return plain ? cat("license: ", *licence, "\n") : "";
  }
  std::error_code error;
  const std::filesystem::path card = source.folder() / "README.md";
  if (!std::filesystem::is_regular_file(card, error) ||
      std::filesystem::file_size(card, error) > kLargestCard) {
    return {};
  }
  std::istringstream lines(read_text_file(card, kLargestCard));
  std::string line;
  std::string found;
  if (!std::getline(lines, line) || line != "---") return {};
  while (std::getline(lines, line) && line != "---") {
    for (const char* key : {"license: ", "license_name: ", "license_link: "}) {
      if (line.starts_with(key)) found += line + "\n";
    }
  }
  return found;
}

/// The hub's name of the original, without revision and file.
std::string base_model(const Checkpoint& source) {
  return source.name().substr(0, source.name().find_first_of("@:"));
}

std::string weights_words(const std::string& name, std::optional<Dtype> dtype) {
  if (!dtype) return cat("The weights of ", name, " are here unchanged, bit for bit.");
  return cat("The weights are those of ", name, " as ", config_name(*dtype), ".");
}

std::string tokenizer_words(const TokenizerCheck& check) {
  if (check.texts == 0) return {};
  return cat(" The tokenizer makes the same tokens of ", check.texts,
             " texts, every token's own among them.");
}

}  // namespace

std::string model_card(const Checkpoint& source, const ModelConfig& model, const BsbrConfig& bsbr,
                       std::optional<Dtype> dtype, const TokenizerCheck& tokenizer, const Fidelity* check) {
  return cat(
      "---\nlibrary_name: bsbr\nbase_model: ", base_model(source), "\n", licence_lines(source),
      "tags:\n- bsbr\n- ", model.family, "\n---\n\n# ", source.name(), ", converted to BSBR\n\n",
      weights_words(source.name(), dtype), tokenizer_words(tokenizer), " What changes is how attention is ",
      "evaluated: *block-sparse attention with block retrieval* (BSBR) reads the near past exactly, "
      "retrieves ",
      "the blocks of the far past that matter to each query, and lets condensed states stand for the "
      "rest, all ",
      "under one softmax.\n\n", "| setting | value |\n|---|---|\n", "| chunk_size | ", bsbr.chunk_size,
      " tokens, exact and causal |\n", "| window | ", bsbr.window, " previous chunk(s), exact |\n",
      "| sink | first ", bsbr.sink_in_blocks(), " tokens, exact |\n", "| block_size | ", bsbr.block_size,
      " tokens |\n", "| retrieve | ", bsbr.retrieve, " far tokens a query and head, exact |\n",
      "| compression_factor | ", bsbr.compression_factor, " (", bsbr.states_per_block(),
      " condensed state(s) a block) |\n", "| candidate_chunks | ", bsbr.candidate_chunks, " |\n\n",
      "| model | |\n|---|---|\n| family | ", model.family, " |\n| layers | ", model.layers, " |\n| heads | ",
      model.heads, " |\n| context | ", model.context, " tokens |\n\n", figures(check), "## Use\n\n",
      "    bsbr generate FOLDER --prompt \"Once upon a time\"\n",
      "    bsbr compare ORIGINAL FOLDER --text some.txt\n\n",
      "In Python, with transformers 4.57 or later (the files *.py of this folder are run):\n\n",
      "    from transformers import AutoModelForCausalLM\n",
      "    model = AutoModelForCausalLM.from_pretrained(\"FOLDER\", trust_remote_code=True)\n\n",
      "The settings are in config.json under `bsbr`. Without `trust_remote_code`, and in a program that "
      "does not know them, ",
      "the checkpoint is the original, with dense attention. The licence of the original applies.\n");
}

}  // namespace bsbr
