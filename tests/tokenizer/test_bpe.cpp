#include <QtTest>
#include <optional>
#include <random>

#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/byte_alphabet.h"

using bsbr::TokenId;

namespace {

using Ids = std::vector<TokenId>;

struct Rule {
  bsbr::SymbolId left, right, result;
};

std::array<bsbr::SymbolId, 256> byte_ids() {
  std::array<bsbr::SymbolId, 256> ids{};
  for (std::size_t i = 0; i < 256; ++i) ids[i] = bsbr::SymbolId(i);
  return ids;
}

bsbr::Bpe bpe_of(const std::vector<Rule>& rules) {
  bsbr::MergeTable merges;
  for (const Rule& rule : rules) {
    if (!merges.add(rule.left, rule.right, rule.result)) throw std::logic_error("a rule occurs twice");
  }
  return {byte_ids(), std::move(merges)};
}

Ids encode(const bsbr::Bpe& bpe, std::string_view piece) {
  Ids ids;
  bpe.encode(piece, ids);
  return ids;
}

// The definition, word for word: the best pair, leftmost first, one at a time.
Ids encode_plainly(const std::vector<Rule>& rules, std::string_view piece) {
  Ids ids;
  for (const char byte : piece) ids.push_back(static_cast<unsigned char>(byte));
  while (true) {
    std::optional<std::size_t> place;
    const Rule* found = nullptr;
    for (const Rule& rule : rules) {
      for (std::size_t i = 0; i + 1 < ids.size() && !place; ++i) {
        if (ids[i] == rule.left && ids[i + 1] == rule.right) place = i;
      }
      if (place) {
        found = &rule;
        break;
      }
    }
    if (!place) return ids;
    ids[*place] = found->result;
    ids.erase(ids.begin() + std::ptrdiff_t(*place) + 1);
  }
}

}  // namespace

class TestBpe : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void alphabet() {
    QCOMPARE(bsbr::byte_symbol(' '), std::string_view("Ġ"));
    QCOMPARE(bsbr::byte_symbol('\n'), std::string_view("Ċ"));
    QCOMPARE(bsbr::byte_symbol('A'), std::string_view("A"));
    QCOMPARE(bsbr::byte_symbol(0xE9), std::string_view("é"));
    QCOMPARE(bsbr::byte_symbol(0xAD), std::string_view("Ń"));
    std::string all;
    std::string spelled;
    for (int byte = 0; byte < 256; ++byte) {
      all += char(byte);
      spelled += bsbr::byte_symbol(static_cast<unsigned char>(byte));
    }
    QCOMPARE(bsbr::bytes_of_symbols(spelled), std::optional(all));
    for (const char* outside : {" ", "\n", "\xC2\xAD", "\xC5\x84", "\xE4\xBD\xA0", "\xC4"}) {
      QVERIFY2(!bsbr::bytes_of_symbols(outside), outside);
    }
  }

  void rankThenLeftmost() {
    const auto bpe = bpe_of({{'b', 'c', 300}, {'a', 'b', 301}, {'a', 'a', 302}, {302, 302, 303}});
    QCOMPARE(encode(bpe, "abc"), (Ids{'a', 300}));
    QCOMPARE(encode(bpe, "abx"), (Ids{301, 'x'}));
    QCOMPARE(encode(bpe, "aaa"), (Ids{302, 'a'}));
    QCOMPARE(encode(bpe, "aaaaa"), (Ids{303, 'a'}));
    QCOMPARE(encode(bpe, ""), Ids{});
    QCOMPARE(encode(bpe, "z"), Ids{'z'});
  }

  void equalsItsDefinition() {
    // Random rules over three letters, some of which enable pairs of a better rank than their own.
    std::mt19937 random(20240607);
    for (int round = 0; round < 60; ++round) {
      std::vector<Rule> rules;
      std::vector<bsbr::SymbolId> symbols = {'a', 'b', 'c'};
      bsbr::MergeTable seen;
      for (bsbr::SymbolId id = 300; id < 330; ++id) {
        const Rule rule{symbols[random() % symbols.size()], symbols[random() % symbols.size()], id};
        if (!seen.add(rule.left, rule.right, id)) continue;
        rules.push_back(rule);
        symbols.push_back(id);
      }
      std::shuffle(rules.begin(), rules.end(), random);
      const auto bpe = bpe_of(rules);
      for (const std::size_t length : {1, 2, 5, 20, 47, 48, 49, 50, 200, 400}) {
        std::string piece(length, ' ');
        for (char& letter : piece) letter = char('a' + random() % 3);
        QCOMPARE(encode(bpe, piece), encode_plainly(rules, piece));
      }
    }
  }

  void mergeTable() {
    bsbr::MergeTable merges;
    for (bsbr::SymbolId i = 0; i < 5000; ++i) QVERIFY(merges.add(i, i * 7 % 5000, i + 1));
    QVERIFY(!merges.add(3, 21, 9, bsbr::MergeTable::Repeated::First));
    QCOMPARE(merges.size(), std::size_t(5001));
    for (bsbr::SymbolId i = 0; i < 5000; ++i) {
      QCOMPARE(merges.find(i, i * 7 % 5000).rank, i);
      QCOMPARE(merges.find(i, i * 7 % 5000).result, i + 1);
    }
    QVERIFY(!merges.add(3, 21, 9));
    QCOMPARE(merges.find(3, 21).rank, 5001u);
    QCOMPARE(merges.find(3, 21).result, 9u);
    QCOMPARE(merges.find(3, 22).rank, bsbr::MergeTable::kNone);
    QCOMPARE(merges.find(21, 3).rank, bsbr::MergeTable::kNone);
  }
};

QTEST_APPLESS_MAIN(TestBpe)
#include "test_bpe.moc"
