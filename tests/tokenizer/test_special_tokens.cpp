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
    // As GPT2Tokenizer adds it.
    SmallTokenizer files;
    files.vocabulary.erase("<|endoftext|>");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("<|endoftext|>"), Ids{260});
    QCOMPARE(tokenizer.vocabulary_size(), 261);
    files.write("tokenizer_config.json", R"({"bos_token": null, "eos_token": null, "unk_token": null})");
    QCOMPARE(files.load().encode("<|endoftext|>").size(), std::size_t(13));
    QCOMPARE(files.load().special_token("<|endoftext|>"), std::nullopt);
  }

  void addedTokensFile() {
    SmallTokenizer files;
    files.write("added_tokens.json", R"({"<|im start|>": 262, "<|im start|>system": 263, "ünï": 261})");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("<|im start|>systehell"), (Ids{262, 's', 'y', 's', 't', 'e', 258}));
    QCOMPARE(tokenizer.encode("<|im start|>system"), Ids{263});
    QCOMPARE(tokenizer.encode("hünïh"), (Ids{'h', 261, 'h'}));
    QCOMPARE(tokenizer.decode(Ids{262, 261}), std::string("<|im start|>ünï"));
    QCOMPARE(tokenizer.vocabulary_size(), 264);
    QCOMPARE(tokenizer.decode(Ids{264, 65, 1 << 20}), std::string("A"));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, static_cast<void>(tokenizer.decode(-1)));
  }

  void decoderInConfig() {
    SmallTokenizer files;
    files.write("tokenizer_config.json",
                R"({"tokenizer_class": "GPT2Tokenizer", "bos_token": null, "eos_token": {"content": "he"},
                    "added_tokens_decoder": {"260": {"content": "<|endoftext|>", "special": true},
                                             "261": {"content": "<x>", "special": false}}})");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("<x>hell"), (Ids{261, 256, 257}));
    QCOMPARE(tokenizer.special_token("<x>"), std::optional<bsbr::TokenId>(261));
    QCOMPARE(tokenizer.vocabulary_size(), 262);
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
    QCOMPARE(tokenizer.special_token("[nowhere]"), std::optional<bsbr::TokenId>(265));
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
    row("not the next id", "added_tokens.json", R"({"<x>": 270})",
        {"added_tokens.json", "<x>", "270", "261"});
    row("decoder: not the next id", "tokenizer_config.json",
        R"({"added_tokens_decoder": {"261": {"content": "<x>"}, "263": {"content": "<y>"}}})",
        {"tokenizer_config.json", "<y>", "263", "262"});
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

  void noRoomForTheNext() {
    // Where ids are left out, the number of tokens is the id of another one.
    SmallTokenizer files;
    files.vocabulary["last"] = 262;
    files.write("added_tokens.json", R"({"<x>": 263})");
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, static_cast<void>(files.load()));
    files.vocabulary["ll!"] = 261;
    QCOMPARE(files.load().encode("<x>"), Ids{263});
  }

  // What AutoTokenizer of transformers 5.23.0 gives; tokens of the small vocabulary, or what is added.
  void options_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<Ids>("ids");
    const auto row = [](const char* text, const Ids& ids) { QTest::newRow(text) << QByteArray(text) << ids; };
    row("a  <l>  <r>  b", {'a', 261, ' ', ' ', 262, 'b'});
    row("<l><l>", {261, 261});
    row("<r> <l>", {262, 261});
    row("a\u3000<l>\u00a0<r>\u2003b", {'a', 261, 0xC2, 0xA0, 262, 'b'});
    row("<r>\u200bb", {262, 0xE2, 0x80, 0x8B, 'b'});
    row("ab ab,abc", {263, ' ', 263, ',', 'a', 'b', 'c'});
    row("abab", {'a', 'b', 'a', 'b'});
    row("1ab", {'1', 'a', 'b'});
    row("_ab ab_", {'_', 'a', 'b', ' ', 'a', 'b', '_'});
    row("\u00e9 ab \u00e9ab", {0xC3, 0xA9, ' ', 263, ' ', 0xC3, 0xA9, 'a', 'b'});
    row("ab\u0301", {'a', 'b', 0xCC, 0x81});
    row("ab\u200d", {'a', 'b', 0xE2, 0x80, 0x8D});
    row("ab\u2160", {'a', 'b', 0xE2, 0x85, 0xA0});
    row("ab\u24b6", {'a', 'b', 0xE2, 0x92, 0xB6});
    row("ab\u2028", {263, 0xE2, 0x80, 0xA8});
    row("x<l>>y", {'x', 264, 'y'});
  }
  void options() {
    QFETCH(QByteArray, text);
    QFETCH(Ids, ids);
    SmallTokenizer files;
    files.write("tokenizer_config.json", R"({"added_tokens_decoder": {
        "261": {"content": "<l>", "lstrip": true}, "262": {"content": "<r>", "rstrip": true},
        "263": {"content": "ab", "single_word": true}, "264": {"content": "<l>>"}}})");
    QCOMPARE(files.load().encode(bytes(text)), ids);
  }

  void mapOnlyWithoutDecoder() {
    SmallTokenizer files;
    files.write("special_tokens_map.json", R"({"pad_token": {"content": "<x>", "lstrip": true}})");
    QCOMPARE(files.load().encode("a <x>"), (Ids{'a', 261}));
    files.write("tokenizer_config.json", R"({"added_tokens_decoder": {}})");
    QCOMPARE(files.load().encode("<x>"), (Ids{'<', 'x', '>'}));
  }

  void rolesOfOwn() {
    SmallTokenizer files;
    files.write("tokenizer_config.json",
                R"({"eou_token": "<u>", "additional_special_tokens": ["<v>"], "pad_token": "<w>"})");
    QCOMPARE(files.load().encode("<u><v><w>"), (Ids{262, 263, 261}));
  }

  void addedAround() {
    SmallTokenizer files;
    files.write("tokenizer_config.json",
                R"({"add_bos_token": true, "add_eos_token": true, "eos_token": "<e>"})");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("he"), Ids{256});
    QCOMPARE(tokenizer.encode_with_special("he"), (Ids{260, 256, 261}));
    QCOMPARE(tokenizer.encode_with_special(""), (Ids{260, 261}));
  }

  void prefixSpace() {
    SmallTokenizer files;
    files.write("tokenizer_config.json", R"({"add_prefix_space": true})");
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.encode("hell"), Ids{259});
    QCOMPARE(tokenizer.encode(" hell"), Ids{259});
    QCOMPARE(tokenizer.encode("\thell"), (Ids{' ', '\t', 258}));
    QCOMPARE(tokenizer.encode(""), Ids{});
    QCOMPARE(tokenizer.encode("hell<|endoftext|>hell hell"), (Ids{259, 260, 259, 259}));
  }

  void refusedOptions() {
    for (const char* text : {R"({"split_special_tokens": true})",
                             R"({"clean_up_tokenization_spaces": true,
              "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true})",
                             R"({"tokenizer_class": "RobertaTokenizerFast"})"}) {
      SmallTokenizer files;
      files.write("tokenizer_config.json", text);
      try {
        static_cast<void>(files.load());
        QFAIL("no error");
      } catch (const bsbr::Error& error) {
        QCOMPARE(error.kind(), ErrorKind::Unsupported);
        QVERIFY2(QByteArray(error.what()).contains("tokenizer_config.json"), error.what());
      }
    }
  }
};

QTEST_APPLESS_MAIN(TestSpecialTokens)
#include "test_special_tokens.moc"
