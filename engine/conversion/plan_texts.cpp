#include "engine/conversion/plan_texts.h"

namespace bsbr {

PlanTexts plan_texts(const Tokenizer& tokenizer, std::vector<TokenId> calibration, std::vector<TokenId> check,
                     std::int64_t chunk_size) {
  PlanTexts texts{std::move(calibration), std::move(check), {}, {}};
  const std::vector<std::string> words = words_of(tokenizer.decode(texts.calibration));
  const std::int64_t tokens = static_cast<std::int64_t>(texts.calibration.size()) / chunk_size * chunk_size;
  texts.recall = many_repetitions(tokenizer, words, texts.calibration, tokens, 1);
  texts.recall_check = many_repetitions(tokenizer, words, texts.calibration, tokens, 2);
  return texts;
}

}  // namespace bsbr
