#include <QtTest>

#include "engine/base/error.h"
#include "engine/tokenizer/split_pattern.h"

using bsbr::SplitPattern;
using Pieces = QList<QByteArray>;

namespace {

Pieces pieces_of(const SplitPattern& pattern, const QByteArray& text) {
  Pieces pieces;
  SplitPattern::Scan scan(pattern);
  scan.start({text.data(), std::size_t(text.size())});
  for (auto piece = scan.next(); !piece.empty(); piece = scan.next()) {
    pieces << QByteArray(piece.data(), qsizetype(piece.size()));
  }
  return pieces;
}

}  // namespace

class TestSplit : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void gpt2_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<Pieces>("pieces");
    const auto row = [](const char* name, const char* text, const Pieces& pieces) {
      QTest::newRow(name) << QByteArray(text) << pieces;
    };
    row("empty", "", {});
    row("words", "Hello world", {"Hello", " world"});
    row("numbers", "in 1851, x2", {"in", " 1851", ",", " x", "2"});
    row("contractions", "I'll they'd've 'S", {"I", "'ll", " they", "'d", "'ve", " '", "S"});
    row("spaces before a word", "a   b", {"a", "  ", " b"});
    row("spaces at the end", "a   ", {"a", "   "});
    row("newlines", "a\n\n b", {"a", "\n\n", " b"});
    row("one newline", "a\nb", {"a", "\n", "b"});
    row("symbols", "x ==> y", {"x", " ==>", " y"});
    row("combining mark", "e\xCC\x81x", {"e", "\xCC\x81", "x"});
    // White space of Unicode stands alone; what is no white space joins symbols.
    row("U+0085", "!\xC2\x85!", {"!", "\xC2\x85", "!"});
    row("U+00A0", "!\xC2\xA0!", {"!", "\xC2\xA0", "!"});
    row("U+1680", "!\xE1\x9A\x80!", {"!", "\xE1\x9A\x80", "!"});
    row("U+2003", "!\xE2\x80\x83!", {"!", "\xE2\x80\x83", "!"});
    row("U+2028", "!\xE2\x80\xA8!", {"!", "\xE2\x80\xA8", "!"});
    row("U+3000", "!\xE3\x80\x80!", {"!", "\xE3\x80\x80", "!"});
    row("U+180E", "!\xE1\xA0\x8E!", {"!\xE1\xA0\x8E!"});
    row("U+200B", "!\xE2\x80\x8B!", {"!\xE2\x80\x8B!"});
    row("U+FEFF", "!\xEF\xBB\xBF!", {"!\xEF\xBB\xBF!"});
    row("U+001C", "!\x1C!", {"!\x1C!"});
    row("U+000B", "!\x0B!", {"!", "\x0B", "!"});
  }
  void gpt2() {
    QFETCH(QByteArray, text);
    QFETCH(Pieces, pieces);
    QCOMPARE(pieces_of(SplitPattern(bsbr::kGpt2Split), text), pieces);
    QCOMPARE(pieces_of(SplitPattern(bsbr::kGpt2Split, SplitPattern::Engine::Interpreter), text), pieces);
  }

  void longRuns_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("pieces");
    constexpr int mega = 1 << 20;
    QTest::newRow("letters") << QByteArray(mega, 'a') << 1;
    QTest::newRow("digits") << QByteArray(mega, '7') << 1;
    QTest::newRow("symbols") << QByteArray(mega, '=') << 1;
    QTest::newRow("spaces") << QByteArray(mega, ' ') << 1;
    QTest::newRow("newlines") << QByteArray(mega, '\n') << 1;
    QTest::newRow("spaces and a word") << QByteArray(mega, ' ') + "word" << 2;
    QTest::newRow("two-byte letters") << QByteArray("\xC3\xA9").repeated(mega) << 1;
    QTest::newRow("wide spaces, symbol") << QByteArray("\xE3\x80\x80").repeated(mega) + "!" << 3;
  }
  void longRuns() {
    QFETCH(QByteArray, text);
    QFETCH(int, pieces);
    for (const auto engine : {SplitPattern::Engine::JitIfPossible, SplitPattern::Engine::Interpreter}) {
      const Pieces found = pieces_of(SplitPattern(bsbr::kGpt2Split, engine), text);
      QCOMPARE(found.size(), pieces);
      QVERIFY(found.join() == text);
    }
  }

  void stackHungryPattern() {
    // Each round of the group is remembered on PCRE2's stack, far above the first 32 KiB.
    const QByteArray text = QByteArray(100000, 'a') + "c";
    for (const auto engine : {SplitPattern::Engine::JitIfPossible, SplitPattern::Engine::Interpreter}) {
      QCOMPARE(pieces_of(SplitPattern("(?:a|b)+c", engine), text), Pieces{text});
    }
  }

  void gapsArePieces() {
    const SplitPattern digit("[0-9]");
    QCOMPARE(pieces_of(digit, "ab12c"), (Pieces{"ab", "1", "2", "c"}));
    QCOMPARE(pieces_of(digit, "7"), Pieces{"7"});
    QCOMPARE(pieces_of(digit, "none"), Pieces{"none"});
    QCOMPARE(pieces_of(SplitPattern("x*"), "axb"), (Pieces{"a", "x", "b"}));
  }

  void scanStartsAgain() {
    const SplitPattern pattern(bsbr::kGpt2Split);
    SplitPattern::Scan scan(pattern);
    scan.start("one two three");
    QCOMPARE(scan.next(), std::string_view("one"));
    scan.start("ab!");
    QCOMPARE(scan.next(), std::string_view("ab"));
    QCOMPARE(scan.next(), std::string_view("!"));
    QVERIFY(scan.next().empty());
    QVERIFY(scan.next().empty());
  }

  void badPattern() {
    try {
      const SplitPattern pattern("ab(c");
      QFAIL("no error");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::Unsupported);
      QVERIFY2(QByteArray(error.what()).contains("at byte 4"), error.what());
    }
  }
};

QTEST_APPLESS_MAIN(TestSplit)
#include "test_split.moc"
