#include <QtTest>
#include <nlohmann/json.hpp>

#include "tests/tokenizer/small_tokenizer.h"

using bsbr::ErrorKind;

class TestSpecialTokens : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void endOfText() {
    const auto tokenizer = SmallTokenizer().load();
    QCOMPARE(tokenizer.encode("hell<|endoftext|> hell"), (Ids{258, 260, 259}));
    QCOMPARE(tokenizer.encode("<|endoftext|><|endoftext|>"), (Ids{260, 260}));
    QCOMPARE(tokenizer.encode("<|endofText|>").size(), std::size_t(13));
    QCOMPARE(tokenizer.decode(260), std::string("<|endoftext|>"));
    QCOMPARE(tokenizer.vocabulary_size(), 261);
  }

  void without() {
    SmallTokenizer files;
    files.vocabulary.erase("<|endoftext|>");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("<|endoftext|>").size(), std::size_t(13));
    QCOMPARE(tokenizer.special_token("<|endoftext|>"), std::nullopt);
  }

  void addedTokensFile() {
    SmallTokenizer files;
    files.write("added_tokens.json", R"({"<|im start|>": 270, "<|im start|>system": 271, "ünï": 261})");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("<|im start|>systehell"), (Ids{270, 's', 'y', 's', 't', 'e', 258}));
    QCOMPARE(tokenizer.encode("<|im start|>system"), Ids{271});
    QCOMPARE(tokenizer.encode("hünïh"), (Ids{'h', 261, 'h'}));
    QCOMPARE(tokenizer.decode(Ids{270, 261}), std::string("<|im start|>ünï"));
    QCOMPARE(tokenizer.vocabulary_size(), 272);
    QVERIFY_EXCEPTION_THROWN(static_cast<void>(tokenizer.decode(265)), bsbr::Error);
  }

  void decoderInConfig() {
    SmallTokenizer files;
    files.write("tokenizer_config.json",
                R"({"tokenizer_class": "GPT2Tokenizer", "bos_token": null, "eos_token": {"content": "he"},
                    "added_tokens_decoder": {"260": {"content": "<|endoftext|>", "special": true},
                                             "300": {"content": "<x>", "special": false}}})");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("<x>hell"), (Ids{300, 256, 257}));
    QCOMPARE(tokenizer.special_token("<x>"), std::optional<bsbr::TokenId>(300));
    QCOMPARE(tokenizer.vocabulary_size(), 301);
  }

  void specialTokensMap() {
    SmallTokenizer files;
    files.vocabulary["[A]"] = 261;
    files.vocabulary["[B]"] = 262;
    files.vocabulary["[C]"] = 263;
    files.vocabulary["[D]"] = 264;
    files.write(
        "special_tokens_map.json",
        R"({"bos_token": "[A]", "pad_token": {"content": "[B]", "lstrip": false}, "unk_token": "[nowhere]",
                    "additional_special_tokens": ["[C]", {"content": "[D]"}]})");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("[A][B][C][D]"), (Ids{261, 262, 263, 264}));
    QCOMPARE(tokenizer.special_token("[nowhere]"), std::nullopt);
  }

  void sameIdEverywhere() {
    SmallTokenizer files;
    files.write("added_tokens.json", R"({"<|endoftext|>": 260, "<x>": 261})");
    files.write("special_tokens_map.json", R"({"eos_token": "<|endoftext|>"})");
    files.write("tokenizer_config.json", R"({"added_tokens_decoder": {"261": {"content": "<x>"}}})");
    QCOMPARE(files.load().encode("<x><|endoftext|>"), (Ids{261, 260}));
  }

  void refused_data() {
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArrayList>("says");
    const auto row = [](const char* name, const char* file, const char* text, const QByteArrayList& says) {
      QTest::newRow(name) << QByteArray(file) << QByteArray(text) << says;
    };
    row("other id than vocab.json", "added_tokens.json", R"({"<|endoftext|>": 261})",
        {"added_tokens.json", "vocab.json", "<|endoftext|>", "261", "260"});
    row("id of another token", "added_tokens.json", R"({"<x>": 256})",
        {"added_tokens.json", "vocab.json", "\"he\""});
    row("one id for two", "added_tokens.json", R"({"<x>": 261, "<y>": 261})",
        {"added_tokens.json", "<x>", "<y>"});
    row("no number", "added_tokens.json", R"({"<x>": "261"})", {"added_tokens.json", "<x>", "integer"});
    row("negative", "added_tokens.json", R"({"<x>": -1})", {"added_tokens.json", "<x>", "integer"});
    row("huge", "added_tokens.json", R"({"<x>": 4294967557})", {"added_tokens.json", "<x>", "too large"});
    row("empty", "added_tokens.json", R"({"": 261})", {"added_tokens.json", "empty"});
    row("ordinary token", "special_tokens_map.json", R"({"eos_token": "é"})",
        {"vocab.json", "é", "ordinary"});
    row("map: number", "special_tokens_map.json", R"({"eos_token": 3})",
        {"special_tokens_map.json", "eos_token"});
    row("map: no list", "special_tokens_map.json", R"({"additional_special_tokens": "x"})",
        {"special_tokens_map.json", "additional_special_tokens"});
    row("decoder: list", "tokenizer_config.json", R"({"added_tokens_decoder": []})",
        {"tokenizer_config.json", "added_tokens_decoder"});
    row("decoder: key", "tokenizer_config.json", R"({"added_tokens_decoder": {"26x": {"content": "<x>"}}})",
        {"tokenizer_config.json", "26x"});
    row("decoder: content", "tokenizer_config.json", R"({"added_tokens_decoder": {"261": {"content": 1}}})",
        {"tokenizer_config.json", "261", "content"});
    row("decoder: conflict", "tokenizer_config.json",
        R"({"added_tokens_decoder": {"261": {"content": "he"}}})",
        {"tokenizer_config.json", "vocab.json", "\"he\"", "261", "256"});
  }
  void refused() {
    QFETCH(QByteArray, file);
    QFETCH(QByteArray, text);
    QFETCH(QByteArrayList, says);
    SmallTokenizer files;
    files.write(bytes(file), bytes(text));
    try {
      static_cast<void>(files.load());
      QFAIL("no error");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), ErrorKind::InvalidFile);
      for (const QByteArray& part : says) QVERIFY2(QByteArray(error.what()).contains(part), error.what());
    }
  }

  void twoFilesContradict() {
    SmallTokenizer files;
    files.write("added_tokens.json", R"({"<x>": 261})");
    files.write("tokenizer_config.json", R"({"added_tokens_decoder": {"262": {"content": "<x>"}}})");
    try {
      static_cast<void>(files.load());
      QFAIL("no error");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), ErrorKind::InvalidFile);
      const QByteArray message = error.what();
      QVERIFY2(message.contains("added_tokens.json") && message.contains("tokenizer_config.json"),
               error.what());
    }
  }
};

QTEST_APPLESS_MAIN(TestSpecialTokens)
#include "test_special_tokens.moc"
