#include "tests/cli/checkpoints.h"

#include <nlohmann/json.hpp>

#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using nlohmann::json;
namespace fs = std::filesystem;

/// bsbr generate.
class TestCliGenerate : public QObject {
  Q_OBJECT
  TempFolder temp_;

  static RunResult generate(const fs::path& checkpoint, const std::string& prompt,
                            std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"generate", checkpoint.string(), "--prompt=" + prompt, "--tokens", "12"});
    return run_bsbr(more);
  }

 private Q_SLOTS:
  void greedy() {
    const json first = generate(kDemo, "Once upon a time", {"--json"}).json();
    QCOMPARE(first["prompt"].get<std::string>(), std::string("Once upon a time"));
    QCOMPARE(first["tokens"].size(), std::size_t(12));
    QVERIFY(first["tokens_per_second"] > 0);
    const json second = generate(kDemo, "Once upon a time", {"--json", "--threads", "1"}).json();
    QCOMPARE(second["tokens"], first["tokens"]);
    QCOMPARE(generate(kDemo, "Once upon a time", {"--json", "--temperature", "1", "--top-k", "1"})
                 .json()["tokens"],
             first["tokens"]);
    QCOMPARE(generate(kDemo, "Once upon a time", {"--json", "--temperature", "1", "--top-p", "1e-9"})
                 .json()["tokens"],
             first["tokens"]);
    // For people: the prompt and what follows, as it comes.
    const RunResult text = generate(kDemo, "Once upon a time");
    EXPECT_SUCCESS(text);
    QCOMPARE(text.out, "Once upon a time" + first["text"].get<std::string>() + "\n");
    QCOMPARE(text.err, std::string());
  }

  void seeds() {
    const auto draw = [](const char* seed) {
      return generate(kDemo, "The",
                      {"--temperature", "1", "--top-k", "200", "--top-p", "0.99", "--seed", seed});
    };
    const RunResult one = draw("1");
    EXPECT_SUCCESS(one);
    QVERIFY(one.out.starts_with("The"));
    QCOMPARE(draw("1").out, one.out);
    QVERIFY(draw("2").out != one.out);
    QCOMPARE(draw("18446744073709551615").code, 0);
  }

  void noTokens() {
    const json none = run_bsbr({"generate", kDemo, "--prompt", "a", "--tokens", "0", "--json"}).json();
    QVERIFY(none["tokens"].empty());
    QCOMPARE(none["text"].get<std::string>(), std::string());
  }

  /// With all of it near, and with far blocks, the converted checkpoint goes on.
  void converted() {
    const fs::path out = temp_ / "converted";
    EXPECT_SUCCESS(
        run_bsbr({"convert", kDemo, out, "--chunk-size", "32", "--retrieve", "32", "--window", "0"}));
    QCOMPARE(generate(out, "Once upon a time", {"--json"}).json()["tokens"],
             generate(kDemo, "Once upon a time", {"--json"}).json()["tokens"]);
    const std::string prompt = content(kSample).substr(0, 2000);
    const json far = generate(out, prompt, {"--json"}).json();
    QCOMPARE(far["tokens"].size(), std::size_t(12));
    QCOMPARE(far["prompt"].get<std::string>(), prompt);
  }

  /// The prompt reaches the model byte for byte.
  void prompts_data() {
    QTest::addColumn<QByteArray>("prompt");
    for (const char* prompt :
         {"\"quoted\"", "'single'", "[1, 2]", "{a}", " blanks around ", "two\nlines", "tab\tand\r", "--json",
          "-", "a=b,c;d", "\\n", "%s", "é 漢 🙂", "`x`", "<|endoftext|>"}) {
      QTest::newRow(prompt) << QByteArray(prompt);
    }
  }
  void prompts() {
    QFETCH(QByteArray, prompt);
    const RunResult result =
        run_bsbr({"generate", kDemo, "--prompt=" + prompt.toStdString(), "--tokens", "1", "--json"});
    QCOMPARE(QByteArray::fromStdString(result.json()["prompt"].get<std::string>()), prompt);
    const RunResult apart =
        run_bsbr({"generate", kDemo, "--tokens", "1", "--json", "--prompt", prompt.toStdString()});
    if (!prompt.startsWith("-")) QCOMPARE(apart.json()["prompt"], result.json()["prompt"]);
  }

  /// Bytes that are no UTF-8 come back as they were; in JSON, which cannot hold them, as replacement
  /// characters.
  void invalidUtf8() {
    const RunResult text = run_bsbr({"generate", kDemo, "--prompt", "a\xFF\xC3", "--tokens", "2"});
    EXPECT_SUCCESS(text);
    QVERIFY(text.out.starts_with("a\xFF\xC3"));
    const json document =
        run_bsbr({"generate", kDemo, "--prompt", "a\xFF\xC3", "--tokens", "2", "--json"}).json();
    QCOMPARE(document["prompt"].get<std::string>(), std::string("a\xEF\xBF\xBD\xEF\xBF\xBD"));
  }
};

QTEST_GUILESS_MAIN(TestCliGenerate)
#include "test_cli_generate.moc"
