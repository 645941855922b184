#include <QtTest>
#include <functional>

#include "engine/base/json_file.h"
#include "tests/support/places.h"
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
                      .unk = {},
                      .pad = {},
                      .add_bos = {},
                      .add_eos = {}};
  for (int byte = 0; byte < 256; ++byte) gguf.tokens.emplace_back(bsbr::byte_symbol(char(byte)));
  for (const char* token : {"he", "ll", "hell", "Ġhell", "<|s|>", "my own", "12"})
    gguf.tokens.emplace_back(token);
  gguf.merges = {"h e", "l l", "he ll", "Ġ hell", "1 2"};
  gguf.token_types.assign(gguf.tokens.size(), 1);
  gguf.token_types[260] = 3;
  gguf.token_types[261] = 4;
  return gguf;
}

const nlohmann::json& golden() {
  static const nlohmann::json document =
      bsbr::read_json_object(bsbr::test::in_repository("tests/tokenizer/golden/gguf_splits.json"));
  return document;
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
    gguf.merges = {"1 2"};
    QCOMPARE(Tokenizer::from_parts(gguf).encode("hell hel"), (Ids{258, ' ', 'h', 'e', 'l'}));
    gguf.pre = "qwen2";
    QCOMPARE(Tokenizer::from_parts(gguf).encode("12"), (Ids{'1', '2'}));
    QCOMPARE(Tokenizer::from_parts(gguf).encode("e\xCC\x81"), (Ids{0xC3, 0xA9}));
  }

  void aliases() {
    // Names of llama.cpp for splits that are told apart by "12", "it'S" and "1234".
    const auto ids = [](const char* pre, const std::string& text) {
      GgufVocabulary gguf = small();
      gguf.pre = pre;
      return Tokenizer::from_parts(gguf).encode(text);
    };
    for (const char* pre : {"qwen2", "deepseek-r1-qwen", "megrez", "kormo", "f2llmv2", "stablelm2", "hunyuan",
                            "smollm", "starcoder", "refact", "command-r", "codeshell", "tekken",
                            "deepseek-coder", "seed-coder", "viking"}) {
      QVERIFY2(ids(pre, "12") == (Ids{'1', '2'}), pre);
    }
    for (const char* pre :
         {"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral",     "lfm2",         "smaug-bpe",
          "dbrx",      "glm4",   "gpt-4o",   "llama4",  "deepseek-v3", "deepseek-llm", "minicpm5",
          "gpt-2",     "phi-2",  "olmo",     "mpt",     "jais",        "bloom",        "exaone4"}) {
      QVERIFY2(ids(pre, "12") == Ids{262}, pre);
    }
    for (const char* pre : {"qwen2", "deepseek-r1-qwen", "megrez", "olmo", "command-r"}) {
      QVERIFY2(ids(pre, "e\xCC\x81") == (Ids{0xC3, 0xA9}), pre);
    }
  }

  void splits_data() {
    QTest::addColumn<QString>("pre");
    QVERIFY(golden()["ids"].size() >= 14);
    for (const auto& [pre, ids] : golden()["ids"].items()) {
      QTest::newRow(pre.c_str()) << QString::fromStdString(pre);
    }
  }
  void splits() {
    QFETCH(QString, pre);
    GgufVocabulary gguf{.model = "gpt2",
                        .pre = pre.toStdString(),
                        .tokens = golden()["tokens"].get<std::vector<std::string>>(),
                        .merges = golden()["merges"].get<std::vector<std::string>>(),
                        .token_types = {},
                        .bos = {},
                        .eos = {},
                        .unk = {},
                        .pad = {},
                        .add_bos = {},
                        .add_eos = {}};
    gguf.token_types.assign(gguf.tokens.size(), 1);
    for (const auto& id : golden()["special"]) gguf.token_types[id.get<std::size_t>()] = 3;
    const auto tokenizer = Tokenizer::from_parts(gguf);
    for (std::size_t i = 0; i < golden()["texts"].size(); ++i) {
      const auto text = golden()["texts"][i].get<std::string>();
      const auto expected = golden()["ids"][gguf.pre][i].get<Ids>();
      QVERIFY2(tokenizer.encode(text) == expected, text.c_str());
    }
  }

  void around() {
    GgufVocabulary gguf = small();
    gguf.eos = 262;
    gguf.add_bos = true;
    gguf.add_eos = true;
    QCOMPARE(Tokenizer::from_parts(gguf).encode_with_special("he"), (Ids{260, 256, 262}));
    gguf.pre = "llama3";
    gguf.add_bos = {};
    gguf.add_eos = false;
    QCOMPARE(Tokenizer::from_parts(gguf).encode_with_special("he"), (Ids{260, 256}));
  }

  void idsOutOfRange() {
    GgufVocabulary gguf = small();
    for (const bsbr::TokenId id : {bsbr::TokenId(-1), bsbr::TokenId(263), bsbr::TokenId(4294967295)}) {
      gguf.bos = gguf.eos = gguf.unk = gguf.pad = id;
      gguf.add_bos = true;
      QCOMPARE(Tokenizer::from_parts(gguf).encode_with_special("he"), Ids{256});
    }
  }

  void repeatedMerge() {
    // The first one counts, as in llama.cpp.
    GgufVocabulary gguf = small();
    gguf.tokens.emplace_back("el");
    gguf.token_types.push_back(1);
    gguf.merges = {"h e", "e l", "h e"};
    QCOMPARE(Tokenizer::from_parts(gguf).encode("hel"), (Ids{256, 'l'}));
  }

  void oddTypesAndTexts() {
    GgufVocabulary gguf = small();
    gguf.token_types[3] = 7;
    gguf.token_types[4] = 0;
    gguf.token_types.push_back(3);
    gguf.merges.pop_back();
    gguf.tokens[262].clear();
    gguf.token_types[262] = 3;
    const auto tokenizer = Tokenizer::from_parts(gguf);
    QCOMPARE(tokenizer.encode("hell"), Ids{258});
    QCOMPARE(tokenizer.decode(262), std::string());
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
    row("pre", ErrorKind::Unsupported, {"tokenizer.ggml.pre", "kimi-k2"}, [](auto& g) { g.pre = "kimi-k2"; });
    row("types", invalid, {"token_type", "262"}, [](auto& g) { g.token_types.pop_back(); });
    row("merge", invalid, {"merges", "at 1", "\"e x\""}, [](auto& g) { g.merges[1] = "e x"; });
    row("no merge", invalid, {"merges", "at 0"}, [](auto& g) { g.merges[0] = "he"; });
    row("twice", invalid, {"tokens", "twice"}, [](auto& g) { g.tokens[262] = "he"; });
    row("letter", invalid, {"1 of the 256 bytes", "0x41"}, [](auto& g) { g.tokens[0x41] = "?!"; });
    row("no merges", invalid, {"merges", "missing"}, [](auto& g) { g.merges.clear(); });
    row("no tokens", invalid, {"merges", "not in"}, [](auto& g) {
      g.tokens.clear();
      g.merges = {"a b"};
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
