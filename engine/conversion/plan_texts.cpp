#include "engine/conversion/plan_texts.h"

#include <algorithm>
#include <span>

#include "engine/base/error.h"

namespace bsbr {

std::pair<std::vector<TokenId>, std::vector<TokenId>> split_text(std::vector<TokenId> text, std::int64_t most,
                                                                 std::optional<TokenId> beginning,
                                                                 const std::string& source) {
  const auto limit = static_cast<std::size_t>(most);
  const std::size_t first = std::min(limit, text.size() * 2 / 3);
  std::vector<TokenId> check(text.begin() + static_cast<std::ptrdiff_t>(first), text.end());
  if (check.size() < 2) {
    throw Error(ErrorKind::InvalidArgument,
                cat(source, ": has ", text.size(), " tokens, too few to plan from; use a longer text"));
  }
  if (beginning) check.insert(check.begin(), *beginning);
  check.resize(std::min(check.size(), limit));
  text.resize(first);
  return {std::move(text), std::move(check)};
}

PlanTexts plan_texts(const Tokenizer& tokenizer, std::vector<TokenId> calibration, std::vector<TokenId> check,
                     std::int64_t chunk_size) {
  PlanTexts texts{std::move(calibration), std::move(check), {}, {}};
  const std::size_t before = tokenizer.beginning_token() && !texts.calibration.empty() ? 1 : 0;
  const std::vector<std::string> words =
      words_of(tokenizer.decode(std::span(texts.calibration).subspan(before)));
  const std::int64_t tokens = static_cast<std::int64_t>(texts.calibration.size()) / chunk_size * chunk_size;
  texts.recall = many_repetitions(tokenizer, words, texts.calibration, tokens, 1);
  texts.recall_check = many_repetitions(tokenizer, words, texts.calibration, tokens, 2);
  return texts;
}

}  // namespace bsbr
