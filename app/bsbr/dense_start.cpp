#include "app/bsbr/dense_start.h"

#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/analysis/crossover.h"
#include "engine/base/resources.h"

namespace bsbr::cli {
namespace {

/// To measure times on: tokens that the model does not embed are left out.
std::vector<TokenId> sample(const Tokenizer& tokenizer, const ModelConfig& config) {
  std::vector<TokenId> ids = tokenizer.encode_with_special(read_text(resource("demo/sample.txt").string()));
  std::erase_if(ids, [&](TokenId id) { return id >= config.vocabulary; });
  return ids;
}

template <class Text>
std::vector<std::int64_t> fastest(Terminal& terminal, const LanguageModel& model, const Text& text) {
  const CrossoverMemory memory = CrossoverMemory::of_user();
  if (const auto known = memory.find(model)) return *known;
  ProgressLine progress(terminal);
  const std::vector<std::int64_t> tokens = measure_crossover(model, text(), progress.job());
  memory.keep(model, tokens);
  return tokens;
}

template <class Text>
std::vector<std::int64_t> start_of(Terminal& terminal, const LanguageModel& model,
                                   std::optional<std::int64_t> tokens, const Text& text) {
  if (!model.config().bsbr) return {};
  if (!tokens) return fastest(terminal, model, text);
  return std::vector<std::int64_t>(static_cast<std::size_t>(model.config().layers), *tokens);
}

}  // namespace

void DenseStart::add_to(const Command& command) {
  command
      .option("--dense-until", tokens,
              "Positions, in whole chunks, that attend densely in a converted model (default: of each "
              "layer as many as are faster so on this machine, measured once and remembered)")
      .not_negative()
      .whole_number();
}

std::vector<std::int64_t> DenseStart::of(Terminal& terminal, const LanguageModel& model,
                                         const std::vector<TokenId>& text) const {
  return start_of(terminal, model, tokens, [&] { return text; });
}

std::vector<std::int64_t> DenseStart::of(Terminal& terminal, const LanguageModel& model,
                                         const Tokenizer& tokenizer) const {
  return start_of(terminal, model, tokens, [&] { return sample(tokenizer, model.config()); });
}

void remember_dense_start(Terminal& terminal, const LanguageModel& model, const Tokenizer& tokenizer) {
  (void)fastest(terminal, model, [&] { return sample(tokenizer, model.config()); });
}

}  // namespace bsbr::cli
