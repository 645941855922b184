#include <QtTest>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "engine/base/json_file.h"
#include "tests/support/places.h"
#include "tests/tokenizer/small_tokenizer.h"

using bsbr::ErrorKind;
using bsbr::Tokenizer;

namespace {

void check_round_trip(const Tokenizer& tokenizer, std::string_view text) {
  QVERIFY(tokenizer.decode(tokenizer.encode(text)) == text);
}

std::string source_text(const std::string& name) {
  return bsbr::read_text_file(bsbr::test::in_repository(name), 1u << 20);
}

/// Every token that is whole characters, and then 200,000 of them drawn at random; as in make_tokens.py.
std::string every_token() {
  std::vector<std::string> pieces;
  for (bsbr::TokenId id = 0; id < gpt2().vocabulary_size(); ++id) {
    const std::string piece = gpt2().decode(id);
    if (id != gpt2().special_token("<|endoftext|>") && !QString::fromStdString(piece).contains(u'\uFFFD')) {
      pieces.push_back(piece);
    }
  }
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  std::uint64_t state = 1;
  for (int i = 0; i < 200'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += pieces[(state >> 33u) % pieces.size()];
  }
  return text;
}

}  // namespace

class TestTokenizer : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void golden_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QList<qint64>>("ids");
    const auto cases =
        nlohmann::json::parse(bsbr::read_text_file(bsbr::test::in_golden("tokenizers.json"), 16u << 20));
    QVERIFY(cases.size() >= 20);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      QList<qint64> ids;
      for (const auto& id : cases[i]["gpt2"]) ids << id.get<qint64>();
      QTest::addRow("%zu", i) << QByteArray::fromStdString(cases[i]["text"].get<std::string>()) << ids;
    }
  }
  void golden() {
    QFETCH(QByteArray, text);
    QFETCH(QList<qint64>, ids);
    const Ids found = gpt2().encode(bytes(text));
    QCOMPARE(QList<qint64>(found.begin(), found.end()), ids);
    QCOMPARE(gpt2().decode(found), bytes(text));
  }

  void longTexts_data() {
    QTest::addColumn<QString>("name");
    for (const char* name : {"resources/demo/sample.txt", "resources/calibration/plan.txt", "every token"}) {
      QTest::newRow(name) << QString(name);
    }
  }
  void longTexts() {
    QFETCH(QString, name);
    const auto expected =
        bsbr::read_json_object(bsbr::test::in_golden("gpt2_texts.json"))[name.toStdString()];
    const std::string text = name == "every token" ? every_token() : source_text(name.toStdString());
    const Ids ids = gpt2().encode(text);
    QCOMPARE(ids.size(), expected["count"].get<std::size_t>());
    std::uint64_t sum = 0;
    for (const auto id : ids) sum = sum * 1000003 + std::uint64_t(id);
    QCOMPARE(sum, std::stoull(expected["checksum"].get<std::string>(), nullptr, 16));
    QVERIFY(gpt2().decode(ids) == text);
  }

  void vocabularySize() {
    QCOMPARE(gpt2().vocabulary_size(), 50257);
    QCOMPARE(gpt2().special_token("<|endoftext|>"), std::optional<bsbr::TokenId>(50256));
    QCOMPARE(gpt2().special_token("hello"), std::nullopt);
    QCOMPARE(gpt2().special_token(""), std::nullopt);
    QCOMPARE(gpt2().decode(15496), std::string("Hello"));
  }

  void idsWithoutToken() {
    // An embedding may have more rows than there are tokens.
    QCOMPARE(gpt2().decode(Ids{15496, 50257, INT64_MAX, 15496}), std::string("HelloHello"));
    QCOMPARE(gpt2().decode(50257), std::string());
  }

  void badIds() {
    for (const bsbr::TokenId id : {std::int64_t(-1), INT64_MIN}) {
      try {
        static_cast<void>(gpt2().decode(Ids{15496, id}));
        QFAIL("no error");
      } catch (const bsbr::Error& error) {
        QCOMPARE(error.kind(), ErrorKind::InvalidArgument);
        QVERIFY2(QByteArray(error.what()).contains(QByteArray::number(qint64(id))), error.what());
      }
    }
  }

  void randomBytesRoundTrip() {
    std::mt19937 random(1851);
    for (int round = 0; round < 400; ++round) {
      std::string text(random() % 200, '\0');
      // Low rounds: any bytes; high ones: bytes that often make up UTF-8.
      for (char& byte : text) {
        byte = char(round < 200 || random() % 2 == 0 ? random() : "\xE2\x82\xC3\xA9 a'<|"[random() % 9]);
      }
      check_round_trip(gpt2(), text);
    }
  }

  void invalidUtf8_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QList<qint64>>("ids");
    // In the small tokenizer the id of a byte is its value.
    QTest::newRow("between words") << QByteArray("hell\xFF hell") << QList<qint64>{258, 0xFF, 259};
    QTest::newRow("run") << QByteArray("\xFF\xFE hell") << QList<qint64>{0xFF, 0xFE, 259};
    QTest::newRow("cut short at the end") << QByteArray("ll\xE2\x82") << QList<qint64>{257, 0xE2, 0x82};
    QTest::newRow("cut short, then text") << QByteArray("\xE2\x82ll") << QList<qint64>{0xE2, 0x82, 257};
    QTest::newRow("one byte") << QByteArray("\x80") << QList<qint64>{0x80};
    QTest::newRow("splits a word") << QByteArray(
                                          "h\xFF"
                                          "e")
                                   << QList<qint64>{'h', 0xFF, 'e'};
    QTest::newRow("before a special token")
        << QByteArray("\xC3<|endoftext|>\xA9") << QList<qint64>{0xC3, 260, 0xA9};
    QTest::newRow("NUL") << QByteArray("he\0he", 5) << QList<qint64>{256, 0, 256};
  }
  void invalidUtf8() {
    QFETCH(QByteArray, text);
    QFETCH(QList<qint64>, ids);
    const Tokenizer tokenizer = SmallTokenizer().load();
    const Ids found = tokenizer.encode(bytes(text));
    QCOMPARE(QList<qint64>(found.begin(), found.end()), ids);
    QCOMPARE(tokenizer.decode(found), bytes(text));
  }

  void invalidRunIsOnePiece() {
    // A merge of two bytes that are no character joins them inside a run, not across valid text.
    SmallTokenizer files;
    files.vocabulary["ÿþ"] = 261;
    files.merges += "ÿ þ\n";
    const Tokenizer tokenizer = files.load();
    QCOMPARE(tokenizer.encode("\xFF\xFE\xFF"), (Ids{261, 0xFF}));
    QCOMPARE(tokenizer.encode("\xFF"
                              "a\xFE"),
             (Ids{0xFF, 'a', 0xFE}));
  }

  void longRuns_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("count");
    constexpr int mega = 1 << 20;
    QTest::newRow("letter") << QByteArray(mega, 'a') << mega / 4;
    QTest::newRow("space") << QByteArray(mega, ' ') << mega;
    QTest::newRow("symbol") << QByteArray(mega, '=') << mega / 64;
    QTest::newRow("invalid") << QByteArray(mega, '\xFF') << mega;
    QTest::newRow("special") << QByteArray("<|endoftext|>").repeated(mega / 16) << mega / 16;
    QTest::newRow("nearly special") << QByteArray("<|endoftext|").repeated(3) << 18;
  }
  void longRuns() {
    QFETCH(QByteArray, text);
    QFETCH(int, count);
    const std::string input = bytes(text);
    const Ids ids = gpt2().encode(input);
    QCOMPARE(ids.size(), std::size_t(count));
    QVERIFY(gpt2().decode(ids) == input);
  }

  void repeatedPieces() {
    // Pieces met before are copied; a text of the same pieces in another order has the same ids in that
    // order.
    const Ids once = gpt2().encode(" Queequeg Leviathan");
    const Ids many = gpt2().encode(" Queequeg Leviathan Leviathan Queequeg");
    const Ids first = gpt2().encode(" Queequeg");
    const Ids second = gpt2().encode(" Leviathan");
    QVERIFY(first.size() + second.size() > 2);
    Ids expected = first;
    expected.insert(expected.end(), second.begin(), second.end());
    QCOMPARE(once, expected);
    expected.insert(expected.end(), second.begin(), second.end());
    expected.insert(expected.end(), first.begin(), first.end());
    QCOMPARE(many, expected);
  }

  void threads() {
    const Tokenizer& tokenizer = gpt2();
    const std::string text =
        source_text("resources/demo/sample.txt") + source_text("resources/calibration/plan.txt");
    const Ids expected = tokenizer.encode(text);
    std::vector<Ids> results(4);
    {
      std::vector<std::jthread> workers;
      workers.reserve(results.size());
      for (Ids& result : results) {
        workers.emplace_back([&] {
          for (int i = 0; i < 3; ++i) result = tokenizer.encode(text);
        });
      }
    }
    for (const Ids& result : results) QVERIFY(result == expected);
  }
};

QTEST_APPLESS_MAIN(TestTokenizer)
#include "test_tokenizer.moc"
