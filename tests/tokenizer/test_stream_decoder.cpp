#include <QtTest>
#include <random>

#include "engine/base/utf8.h"
#include "engine/tokenizer/stream_decoder.h"
#include "tests/tokenizer/small_tokenizer.h"

class TestStreamDecoder : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void bytewise_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArrayList>("parts");  // after each byte, and at the end
    const auto row = [](const char* name, const char* text, const QByteArrayList& parts) {
      QTest::newRow(name) << QByteArray(text) << parts;
    };
    row("ASCII", "ab", {"a", "b", ""});
    row("two bytes", "\xC3\xA9", {"", "\xC3\xA9", ""});
    row("three bytes", "\xE2\x82\xAC", {"", "", "\xE2\x82\xAC", ""});
    row("four bytes", "\xF0\x9F\x98\x80!", {"", "", "", "\xF0\x9F\x98\x80", "!", ""});
    row("cut short by the end", "a\xE2\x82", {"a", "", "", "\xE2\x82"});
    row("cut short by a letter", "\xE2\x82z", {"", "", "\xE2\x82z", ""});
    row("cut short by a lead", "\xE2\x82\xC3\xA9", {"", "", "\xE2\x82", "\xC3\xA9", ""});
    row("never valid", "\xFF\x80", {"\xFF", "\x80", ""});
    row("surrogate", "\xED\xA0\x80", {"", "\xED\xA0", "\x80", ""});
    row("overlong", "\xE0\x80", {"", "\xE0\x80", ""});
    row("past U+10FFFF", "\xF4\x90", {"", "\xF4\x90", ""});
  }
  void bytewise() {
    QFETCH(QByteArray, text);
    QFETCH(QByteArrayList, parts);
    bsbr::StreamDecoder decoder(SmallTokenizer().load());
    QByteArrayList found;
    // In the small tokenizer the id of a byte is its value.
    for (const char byte : text) {
      found << QByteArray::fromStdString(decoder.push(static_cast<unsigned char>(byte)));
    }
    found << QByteArray::fromStdString(decoder.finish());
    QCOMPARE(found, parts);
    QCOMPARE(decoder.finish(), std::string());
  }

  void joinedIsDecode() {
    std::mt19937 random(42);
    for (int round = 0; round < 100; ++round) {
      Ids ids;
      for (int i = 0; i < 60; ++i) ids.push_back(bsbr::TokenId(random() % 50257));
      bsbr::StreamDecoder decoder(gpt2());
      std::string joined;
      for (const auto id : ids) joined += decoder.push(id);
      joined += decoder.finish();
      QVERIFY(joined == gpt2().decode(ids));
    }
  }

  void wholeCharactersOnly() {
    const std::string text = "naïve 🐋 日本語 — 鯨";
    const Ids ids = gpt2().encode(text);
    bsbr::StreamDecoder decoder(gpt2());
    std::string joined;
    int empty = 0;
    for (const auto id : ids) {
      const std::string part = decoder.push(id);
      QVERIFY(bsbr::is_valid_utf8(part));
      empty += part.empty() ? 1 : 0;
      joined += part;
    }
    QCOMPARE(joined, text);
    QVERIFY(empty > 0);
    QCOMPARE(decoder.finish(), std::string());
  }

  void badIdKeepsWhatIsPending() {
    bsbr::StreamDecoder decoder(SmallTokenizer().load());
    QCOMPARE(decoder.push(0xC3), std::string());
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, decoder.push(-1));
    QCOMPARE(decoder.push(999), std::string());
    QCOMPARE(decoder.push(0xA9), std::string("é"));
  }
};

QTEST_APPLESS_MAIN(TestStreamDecoder)
#include "test_stream_decoder.moc"
