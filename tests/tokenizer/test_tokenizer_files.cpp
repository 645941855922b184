#include <QtTest>
#include <nlohmann/json.hpp>

#include "tests/tokenizer/small_tokenizer.h"

using bsbr::ErrorKind;

namespace {

auto loading(const std::filesystem::path& folder) {
  return [=] { return bsbr::Tokenizer::load(folder); };
}

}  // namespace

class TestTokenizerFiles : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void merges_data() {
    QTest::addColumn<QByteArray>("merges");
    QTest::addColumn<QByteArray>("says");  // empty: loads, and merges "hell"
    QTest::newRow("version line") << QByteArray("#version: 0.2\nh e\nl l\nhe ll\n") << QByteArray();
    QTest::newRow("no version line") << QByteArray("h e\nl l\nhe ll\n") << QByteArray();
    QTest::newRow("no newline at the end") << QByteArray("h e\nl l\nhe ll") << QByteArray();
    QTest::newRow("blank lines at the end") << QByteArray("h e\nl l\nhe ll\n\n\r\n\n") << QByteArray();
    QTest::newRow("CRLF") << QByteArray("#version: 0.2\r\nh e\r\nl l\r\nhe ll\r\n") << QByteArray();

    QTest::newRow("blank line inside") << QByteArray("h e\n\nl l\n") << QByteArray("merges.txt:2: ");
    QTest::newRow("one token") << QByteArray("h e\nll\n")
                               << QByteArray("merges.txt:2: \"ll\" is not a merge");
    QTest::newRow("three tokens") << QByteArray("h e l\n") << QByteArray("merges.txt:1: ");
    QTest::newRow("two spaces") << QByteArray("h  e\n") << QByteArray("merges.txt:1: ");
    QTest::newRow("space first") << QByteArray(" he\n") << QByteArray("merges.txt:1: ");
    QTest::newRow("space last") << QByteArray("#version\nhe \n") << QByteArray("merges.txt:2: ");
    QTest::newRow("version line later") << QByteArray("h e\n#version: 0.2\n") << QByteArray("merges.txt:2: ");
    QTest::newRow("twice") << QByteArray("h e\nl l\nhe ll\nl l\n") << QByteArray();
    QTest::newRow("result unknown") << QByteArray("h e\ne h\n")
                                    << QByteArray("merges.txt:2: the merge \"e h\" needs \"eh\"");
    QTest::newRow("left unknown") << QByteArray("hx e\n")
                                  << QByteArray("merges.txt:1: the merge \"hx e\" needs");
    QTest::newRow("right unknown") << QByteArray("h e\nh ell\n")
                                   << QByteArray("merges.txt:2: the merge \"h ell\" needs \"ell\"");
    QTest::newRow("bytes") << QByteArray("h e\n\xFF l\n") << QByteArray("merges.txt:2: is not valid UTF-8");
    QTest::newRow("NUL") << QByteArray("h e\nl\0 l\n", 10) << QByteArray("merges.txt:2: ");
    QTest::newRow("no end of line at all") << QByteArray(100000, 'h') << QByteArray("merges.txt:1: ");
  }
  void merges() {
    QFETCH(QByteArray, merges);
    QFETCH(QByteArray, says);
    SmallTokenizer files;
    files.merges = bytes(merges);
    if (says.isEmpty()) {
      QCOMPARE(files.load().encode("hell"), Ids{258});
    } else {
      files.write_both();
      expect_error(loading(files.folder()), ErrorKind::InvalidFile, {says});
    }
  }

  void repeatedMerge() {
    // The last one counts (tokenizers 0.22 and 0.23).
    SmallTokenizer files;
    files.vocabulary["el"] = 261;
    files.merges = "h e\ne l\n";
    QCOMPARE(files.load().encode("hel"), (Ids{256, 'l'}));
    files.merges = "h e\ne l\nh e\n";
    QCOMPARE(files.load().encode("hel"), (Ids{'h', 261}));
  }

  void noMerges() {
    SmallTokenizer files;
    files.merges.clear();
    QCOMPARE(files.load().encode("hell"), (Ids{'h', 'e', 'l', 'l'}));
  }

  void vocabulary_data() {
    QTest::addColumn<QByteArray>("change");  // merged into the small vocabulary (RFC 7386)
    QTest::addColumn<QByteArrayList>("says");
    const auto row = [](const char* name, const char* change, const QByteArrayList& says) {
      QTest::newRow(name) << QByteArray(change) << says;
    };
    row("text", R"({"x1": "300"})", {"\"x1\"", "integer"});
    row("negative", R"({"x1": -1})", {"\"x1\"", "integer"});
    row("fraction", R"({"x1": 300.0})", {"\"x1\"", "integer"});
    row("object", R"({"x1": {"id": 300}})", {"\"x1\"", "integer"});
    row("same id", R"({"x1": 256})", {"\"x1\"", "\"he\"", "256"});
    row("2^24", R"({"x1": 16777216})", {"\"x1\"", "16777216", "too large"});
    row("past 64 bits", R"({"x1": 18446744073709551616})", {"\"x1\"", "integer"});
    row("past 32 bits", R"({"x1": 4294967556})", {"\"x1\"", "too large"});
    row("sparse", R"({"x1": 100000})", {"\"x1\"", "100000", "too large"});
    row("one byte missing", R"({"A": null})", {"1 of the 256 bytes", "0x41"});
    row("bytes missing", R"({"A": null, "B": null, "C": null, "Ġ": null, "ÿ": null})",
        {"5 of the 256 bytes", "0x20, 0x41-0x43, 0xFF"});
  }
  void vocabulary() {
    QFETCH(QByteArray, change);
    QFETCH(QByteArrayList, says);
    SmallTokenizer files;
    files.merges.clear();
    files.vocabulary.merge_patch(nlohmann::json::parse(bytes(change)));
    files.write_both();
    expect_error(loading(files.folder()), ErrorKind::InvalidFile, says << "vocab.json: ");
  }

  void vocabularyText_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("says");
    QTest::newRow("empty file") << QByteArray() << QByteArray("not valid JSON");
    QTest::newRow("list") << QByteArray("[]") << QByteArray("array");
    QTest::newRow("cut short") << QByteArray("{\"a\": 1, ") << QByteArray("not valid JSON");
    QTest::newRow("no tokens") << QByteArray("{}") << QByteArray("0x00-0xFF");
  }
  void vocabularyText() {
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, says);
    const SmallTokenizer files;
    files.write("merges.txt", files.merges);
    files.write("vocab.json", bytes(text));
    expect_error(loading(files.folder()), ErrorKind::InvalidFile, {"vocab.json: ", says});
  }

  void sparseIdsWithinReason() {
    SmallTokenizer files;
    files.vocabulary["x1"] = 60000;
    const auto tokenizer = files.load();
    QCOMPARE(tokenizer.vocabulary_size(), 60001);
    QCOMPARE(tokenizer.decode(60000), std::string("x1"));
    QCOMPARE(tokenizer.decode(50000), std::string());
  }

  void tokenOutsideTheAlphabet() {
    SmallTokenizer files;
    files.vocabulary["a b"] = 261;
    files.vocabulary["你"] = 262;
    QCOMPARE(files.load().decode(Ids{261, 262}), std::string("a b你"));
  }

  void missing_data() {
    QTest::addColumn<QByteArrayList>("there");
    QTest::addColumn<int>("kind");
    QTest::addColumn<QByteArrayList>("says");
    const auto row = [](const char* name, const QByteArrayList& there, ErrorKind kind,
                        const QByteArrayList& says) { QTest::newRow(name) << there << int(kind) << says; };
    row("nothing", {}, ErrorKind::NotFound, {"vocab.json and merges.txt are missing"});
    row("vocab.json only", {"vocab.json"}, ErrorKind::NotFound, {"merges.txt is missing"});
    row("merges.txt only", {"merges.txt"}, ErrorKind::NotFound, {"vocab.json is missing"});
    row("tokenizer.json only", {"tokenizer.json"}, ErrorKind::InvalidFile,
        {"tokenizer.json: model is missing"});
    row("sentencepiece only", {"tokenizer.model"}, ErrorKind::Unsupported, {"tokenizer.model: "});
  }
  void missing() {
    QFETCH(QByteArrayList, there);
    QFETCH(int, kind);
    QFETCH(QByteArrayList, says);
    const SmallTokenizer files;
    for (const QByteArray& name : there) files.write(bytes(name), "{}");
    expect_error(loading(files.folder()), ErrorKind(kind),
                 says << QByteArray::fromStdString(files.folder().string()));
  }

  void noFolder() {
    expect_error(loading("/nonexistent/folder"), ErrorKind::NotFound,
                 {"/nonexistent/folder", "no such folder"});
  }

  void lfsPointer() {
    const SmallTokenizer files;
    files.write_both();
    files.write("merges.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    expect_error(loading(files.folder()), ErrorKind::Unsupported, {"merges.txt", "Git LFS"});
  }

  void otherSplits_data() {
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("says");  // empty: it is read
    const QByteArray config = "tokenizer_config.json";
    const QByteArray rust = "tokenizer.json";
    const auto row = [](const char* name, const QByteArray& file, const char* text, const char* says) {
      QTest::newRow(name) << file << QByteArray(text) << QByteArray(says);
    };
    row("GPT-2 class", config, R"({"tokenizer_class": "GPT2TokenizerFast"})", "");
    row("no class", config, "{}", "");
    row("Qwen2 class", config, R"({"tokenizer_class": "Qwen2Tokenizer"})", "");
    row("class of SentencePiece", config, R"({"tokenizer_class": "LlamaTokenizer"})",
        "there is no tokenizer.json");
    row("no class of its own", config, R"({"tokenizer_class": "PreTrainedTokenizerFast"})",
        "there is no tokenizer.json");
    row("class of Llama models", "config.json", R"({"model_type": "llama"})", "there is no tokenizer.json");
    row("class in config.json", "config.json",
        R"({"model_type": "llama", "tokenizer_class": "GPT2Tokenizer"})", "");
    row("tokenizer.json goes first", rust, "{}", "model is missing");
  }
  void otherSplits() {
    QFETCH(QByteArray, file);
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, says);
    const SmallTokenizer files;
    files.write(bytes(file), bytes(text));
    if (says.isEmpty()) {
      QCOMPARE(files.load().encode("hell"), Ids{258});
    } else {
      files.write_both();
      const ErrorKind kind = says.startsWith("model") ? ErrorKind::InvalidFile : ErrorKind::Unsupported;
      expect_error(loading(files.folder()), kind, {file, says});
    }
  }
};

QTEST_APPLESS_MAIN(TestTokenizerFiles)
#include "test_tokenizer_files.moc"
