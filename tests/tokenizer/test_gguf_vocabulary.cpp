#include <QtTest>
#include <functional>

#include "tests/tokenizer/small_tokenizer.h"

using bsbr::ErrorKind;
using bsbr::GgufVocabulary;
using bsbr::Tokenizer;

namespace {

// 256 bytes (id == byte), "he", "ll", "hell", "Ġhell", a control and a user-defined token.
GgufVocabulary small() {
  GgufVocabulary gguf{.model = "gpt2",
                      .pre = "smollm",
                      .tokens = {},
                      .merges = {},
                      .token_types = {},
                      .bos = 260,
                      .eos = {},
                      .add_bos = {}};
  for (int byte = 0; byte < 256; ++byte) gguf.tokens.emplace_back(bsbr::byte_symbol(char(byte)));
  for (const char* token : {"he", "ll", "hell", "Ġhell", "<|s|>", "my own", "12"})
    gguf.tokens.emplace_back(token);
  gguf.merges = {"h e", "l l", "he ll", "Ġ hell", "1 2"};
  gguf.token_types.assign(gguf.tokens.size(), 1);
  gguf.token_types[260] = 3;
  gguf.token_types[261] = 4;
  return gguf;
}

}  // namespace

class TestGgufVocabulary : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void tokens() {
    const auto tokenizer = Tokenizer::from_parts(small());
    QCOMPARE(tokenizer.encode("<|s|> hellmy own12"), (Ids{260, 259, 261, '1', '2'}));
    QCOMPARE(tokenizer.decode(Ids{260, 259, 261, '1', 262}), std::string("<|s|> hellmy own112"));
    QCOMPARE(tokenizer.special_token("<|s|>"), std::optional<bsbr::TokenId>(260));
    QCOMPARE(tokenizer.vocabulary_size(), 263);
    QCOMPARE(tokenizer.beginning_token(), std::nullopt);
  }

  void kinds() {
    GgufVocabulary gguf = small();
    for (const char* pre : {"gpt-2", "default", ""}) {
      gguf.pre = pre;
      QCOMPARE(Tokenizer::from_parts(gguf).encode("12"), Ids{262});
    }
    gguf.pre = "llama-bpe";
    QCOMPARE(Tokenizer::from_parts(gguf).encode("12"), Ids{262});
    QCOMPARE(Tokenizer::from_parts(gguf).beginning_token(), std::optional<bsbr::TokenId>(260));
    gguf.add_bos = false;
    QCOMPARE(Tokenizer::from_parts(gguf).beginning_token(), std::nullopt);
    gguf.merges.clear();
    QCOMPARE(Tokenizer::from_parts(gguf).encode("hell hel"), (Ids{258, ' ', 'h', 'e', 'l'}));
    gguf.pre = "qwen2";
    QCOMPARE(Tokenizer::from_parts(gguf).encode("12"), (Ids{'1', '2'}));
    QCOMPARE(Tokenizer::from_parts(gguf).encode("e\xCC\x81"), (Ids{0xC3, 0xA9}));
  }

  void withoutTypes() {
    GgufVocabulary gguf = small();
    gguf.token_types.clear();
    const auto tokenizer = Tokenizer::from_parts(gguf);
    QCOMPARE(tokenizer.special_token("<|s|>"), std::optional<bsbr::TokenId>(260));
    QCOMPARE(tokenizer.special_token("my own"), std::nullopt);
  }

  void missingBytes() {
    // SmolLM2's vocabulary lacks 21 bytes; tokenizers and llama.cpp leave them out of the text.
    GgufVocabulary gguf = small();
    gguf.tokens[4] = "unused";
    const auto tokenizer = Tokenizer::from_parts(gguf);
    QCOMPARE(tokenizer.encode("he\x04ll!\x04!"), (Ids{256, 257, '!', '!'}));
    QCOMPARE(tokenizer.encode("\x04"), Ids{});
    QCOMPARE(tokenizer.encode(std::string(100, '\x04') + "he"), Ids{256});
  }

  void refused_data() {
    QTest::addColumn<std::function<void(GgufVocabulary&)>>("change");
    QTest::addColumn<int>("kind");
    QTest::addColumn<QByteArrayList>("says");
    const auto row = [](const char* name, ErrorKind kind, const QByteArrayList& says,
                        const std::function<void(GgufVocabulary&)>& change) {
      QTest::newRow(name) << change << int(kind) << says;
    };
    const auto invalid = ErrorKind::InvalidFile;
    row("model", ErrorKind::Unsupported, {"tokenizer.ggml.model", "llama"},
        [](auto& g) { g.model = "llama"; });
    row("pre", ErrorKind::Unsupported, {"tokenizer.ggml.pre", "tekken"}, [](auto& g) { g.pre = "tekken"; });
    row("types", invalid, {"token_type", "262"}, [](auto& g) { g.token_types.pop_back(); });
    row("type", invalid, {"token_type", "7", "3"}, [](auto& g) { g.token_types[3] = 7; });
    row("negative type", invalid, {"token_type", "-1"}, [](auto& g) { g.token_types[3] = -1; });
    row("merge", invalid, {"merges", "at 1", "\"e x\""}, [](auto& g) { g.merges[1] = "e x"; });
    row("no merge", invalid, {"merges", "at 0"}, [](auto& g) { g.merges[0] = "he"; });
    row("twice", invalid, {"tokens", "twice"}, [](auto& g) { g.tokens[262] = "he"; });
    row("empty special", invalid, {"tokens", "260"}, [](auto& g) { g.tokens[260].clear(); });
    row("bos", invalid, {"bos_token_id", "263"}, [](auto& g) { g.bos = 263; });
    row("eos", invalid, {"eos_token_id", "-1"}, [](auto& g) { g.eos = -1; });
    row("letter", invalid, {"1 of the 256 bytes", "0x41"}, [](auto& g) { g.tokens[0x41] = "?!"; });
    row("no tokens", invalid, {"256 bytes"}, [](auto& g) {
      g = {};
      g.model = "gpt2";
    });
  }
  void refused() {
    QFETCH(std::function<void(GgufVocabulary&)>, change);
    QFETCH(int, kind);
    QFETCH(QByteArrayList, says);
    GgufVocabulary gguf = small();
    change(gguf);
    try {
      static_cast<void>(Tokenizer::from_parts(gguf));
      QFAIL("no error");
    } catch (const bsbr::Error& error) {
      QCOMPARE(bsbr::to_string(error.kind()), bsbr::to_string(ErrorKind(kind)));
      for (const QByteArray& part : says) QVERIFY2(QByteArray(error.what()).contains(part), error.what());
    }
  }
};

QTEST_APPLESS_MAIN(TestGgufVocabulary)
#include "test_gguf_vocabulary.moc"
