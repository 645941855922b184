#include "engine/analysis/recall_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

namespace bsbr {
namespace {

std::size_t below(std::mt19937_64& random, std::size_t limit) {
  return static_cast<std::size_t>(random() % limit);
}

/// From words that `next` gives.
template <class Next>
std::vector<TokenId> passage_of(const Tokenizer& tokenizer, const Next& next) {
  std::vector<TokenId> passage;
  while (passage.size() < kRecallPassage) {
    const std::vector<TokenId> word = tokenizer.encode(" " + next());
    passage.insert(passage.end(), word.begin(), word.end());
  }
  passage.resize(kRecallPassage);
  return passage;
}

/// Writes the passages, and `around` in order wherever none of them stands.
RecallText write(std::vector<RecallText::Passage> places, const std::vector<std::vector<TokenId>>& passages,
                 std::span<const TokenId> around, std::int64_t tokens) {
  constexpr TokenId kFree = -1;
  RecallText text{std::vector<TokenId>(static_cast<std::size_t>(tokens), kFree), std::move(places)};
  for (std::size_t i = 0; i < passages.size(); ++i) {
    for (const std::int64_t begin : {text.passages[i].first, text.passages[i].second})
      std::copy(passages[i].begin(), passages[i].end(), text.ids.begin() + begin);
  }
  auto next = around.begin();
  for (TokenId& id : text.ids) {
    if (id == kFree) id = *next++;
  }
  return text;
}

}  // namespace

std::vector<std::string> words_of(const std::string& text) {
  constexpr std::size_t kFewest = 3, kMost = 16;
  std::vector<std::string> words;
  std::unordered_set<std::string> known;
  std::string word;
  std::size_t letters = 0;
  const auto finish = [&] {
    if (letters >= kFewest && letters <= kMost && known.insert(word).second) words.push_back(word);
    word.clear();
    letters = 0;
  };
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = -1;
    const utf8proc_ssize_t size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                         static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    const std::size_t length = size > 0 ? static_cast<std::size_t>(size) : 1;
    const utf8proc_category_t category = size > 0 ? utf8proc_category(code) : UTF8PROC_CATEGORY_CN;
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) {
      word.append(text, at, length);
      ++letters;
    } else {
      finish();
    }
    at += length;
  }
  finish();
  return words;
}

RecallText one_repetition(const Tokenizer& tokenizer, const std::vector<std::string>& words,
                          std::span<const TokenId> around, std::int64_t distance, std::mt19937_64& random) {
  std::vector<TokenId> passage =
      passage_of(tokenizer, [&]() -> const std::string& { return words[below(random, words.size())]; });
  const auto free = static_cast<std::size_t>(kRecallBefore + distance - kRecallPassage);
  RecallText text = write({{kRecallBefore, kRecallBefore + distance}}, {std::move(passage)},
                          around.subspan(below(random, around.size() - free + 1), free),
                          kRecallBefore + distance + kRecallPassage);
  if (const auto beginning = tokenizer.beginning_token()) text.ids.front() = *beginning;
  return text;
}

RecallText many_repetitions(const Tokenizer& tokenizer, const std::vector<std::string>& words,
                            std::span<const TokenId> around, std::int64_t tokens, std::uint64_t seed) {
  // Each cell but the first holds one reading, somewhere in it, and text.
  constexpr std::int64_t kCell = 2 * kRecallPassage;
  const std::int64_t cells = tokens / kCell;
  std::vector<bool> taken(static_cast<std::size_t>(cells), false);
  std::mt19937_64 random(seed);
  std::vector<RecallText::Passage> places;
  std::vector<std::int64_t> count;  // of each distance
  for (std::int64_t distance = kRecallShortest; distance / kCell + 1 < cells; distance *= 2)
    count.push_back(0);
  for (std::int64_t cell = cells - 1; cell > 0; --cell) {
    if (taken[static_cast<std::size_t>(cell)]) continue;
    std::optional<std::size_t> rarest;
    for (std::size_t i = 0; i < count.size(); ++i) {
      const std::int64_t first = cell - ((kRecallShortest << i) / kCell);
      if (first > 0 && !taken[static_cast<std::size_t>(first)] && (!rarest || count[i] < count[*rarest]))
        rarest = i;
    }
    if (!rarest) continue;
    ++count[*rarest];
    const std::int64_t distance = kRecallShortest << *rarest;
    taken[static_cast<std::size_t>(cell - distance / kCell)] = true;
    const auto second = cell * kCell + static_cast<std::int64_t>(below(random, kCell - kRecallPassage + 1));
    places.push_back({second - distance, second});
  }
  const auto used = static_cast<std::int64_t>(places.size()) * 2 * kRecallPassage;
  if (places.empty() || words.empty() || static_cast<std::int64_t>(around.size()) < tokens - used) return {};
  std::vector<std::vector<TokenId>> passages;
  passages.reserve(places.size());
  std::vector<std::string> order = words;
  std::size_t used_words = 0;
  // No word twice as long as there are others: what it is followed by would not be known.
  const auto next = [&]() -> const std::string& {
    const std::size_t at = used_words++ % order.size();
    std::swap(order[at], order[at + below(random, order.size() - at)]);
    return order[at];
  };
  for (std::size_t i = 0; i < places.size(); ++i) passages.push_back(passage_of(tokenizer, next));
  return write(std::move(places), passages, around, tokens);
}

}  // namespace bsbr
