#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
namespace fs = std::filesystem;

/// A sound checkpoint, and texts, settings, devices and outputs that do not serve.
class TestCliBadUse : public QObject {
  Q_OBJECT
  TempFolder temp_;

  static void refuse(const std::vector<std::string>& arguments, const std::vector<std::string>& says,
                     const std::string& input = {}) {
    RunOptions options;
    options.input = input;
    const std::string problem = refusal_problem(run_bsbr(arguments, options), says);
    QVERIFY2(problem.empty(), problem.c_str());
  }
  /// More than the demo's context of 2,048 tokens.
  static std::string long_text() { return content(kSample); }

 private Q_SLOTS:
  void texts() {
    const fs::path empty = write_file(temp_ / "empty.txt", "");
    refuse({"compare", kDemo, "--text", empty}, {empty.string(), "has 0 tokens"});
    refuse({"compare", kDemo, "--text", "-"}, {"standard input", "has 0 tokens"});
    refuse({"compare", kDemo, "--text", "-"}, {"has 1 tokens"}, "a");
    refuse({"compare", kDemo, "--text", "-", "--seq-len", "50"}, {"has only", "--seq-len asks for 50"},
           "Once upon a time");
    refuse({"compare", kDemo, "--seq-len", "2049"}, {"--seq-len is 2049", "context", "2 to 2048"});
    refuse({"compare", kDemo, "--seq-len", "1"}, {"--seq-len is 1", "2 to 2048"});
    refuse({"compare", kDemo, "--seq-len", "-5"}, {"--seq-len is -5"});
    refuse({"convert-example", "--model_name", kDemo, "--seq_len", "4096"}, {"--seq_len is 4096", "context"});
    refuse({"compare", kDemo, "--text", temp_ / "none.txt"}, {(temp_ / "none.txt").string(), "No such file"});
    refuse({"tokenize", kDemo, "--text", temp_ / "none.txt"},
           {(temp_ / "none.txt").string(), "No such file"});
    refuse({"tokenize", kDemo, "--text", temp_.path()}, {temp_.path().string(), "not a regular file"});
  }

  /// The first tokens are compared, and a person is told.
  void longTextIsCut() {
    const fs::path text = write_file(temp_ / "long.txt", long_text());
    const RunResult result = run_bsbr({"compare", kDemo, "--text", text, "--json"});
    QCOMPARE(result.json()["tokens"].get<int>(), 2048);
    QVERIFY2(result.err.find("the first 2,048, the model's context, are compared") != std::string::npos,
             result.text().c_str());
  }

  void prompts() {
    for (const char* json : {"--json", "--threads=2"}) {
      refuse({"generate", kDemo, "--prompt", "", json}, {"the prompt is empty"});
      refuse({"generate", kDemo, "--prompt", long_text(), json}, {"the prompt has", "context is 2048"});
      refuse({"generate", kDemo, "--prompt", "a", "--tokens", "-1", json}, {"tokens is -1"});
      refuse({"generate", kDemo, "--prompt", "a", "--temperature", "-0.5", json}, {"temperature is -0.5"});
      refuse({"generate", kDemo, "--prompt", "a", "--temperature", "nan", json}, {"temperature is nan"});
      refuse({"generate", kDemo, "--prompt", "a", "--temperature", "inf", json}, {"temperature is inf"});
      refuse({"generate", kDemo, "--prompt", "a", "--top-k", "-3", json}, {"top_k is -3"});
      refuse({"generate", kDemo, "--prompt", "a", "--top-p", "0", json}, {"top_p is 0"});
      refuse({"generate", kDemo, "--prompt", "a", "--top-p", "1.01", json}, {"top_p is 1.01"});
    }
  }

  void settings_data() {
    QTest::addColumn<QStringList>("options");
    QTest::addColumn<QStringList>("says");
    const auto row = [](const char* name, const QStringList& options, const QStringList& says) {
      QTest::newRow(name) << options << says;
    };
    row("chunk 0", {"--chunk-size", "0"}, {"chunk_size is 0; legal: 1 to 2048"});
    row("chunk negative", {"--chunk-size", "-128"}, {"chunk_size is -128"});
    row("chunk over the context", {"--chunk-size", "4096"}, {"chunk_size is 4096; legal: 1 to 2048"});
    row("block 0", {"--block-size", "0"}, {"block_size is 0; legal: 1, 2, 4, 8, 16, 32, 64, 128"});
    row("block no power", {"--block-size", "24"},
        {"block_size is 24", "powers of two that divide chunk_size 128"});
    row("block no divisor", {"--chunk-size", "96", "--block-size", "64"},
        {"block_size is 64; legal: 1, 2, 4, 8, 16, 32"});
    row("compression 0", {"--compression-factor", "0"}, {"compression_factor is 0; legal: 1, 2, 4, 8, 16"});
    row("compression no power", {"--compression-factor", "3"},
        {"compression_factor is 3; legal: 1, 2, 4, 8, 16"});
    row("compression over the block", {"--compression-factor", "32"}, {"compression_factor is 32"});
    row("retrieve negative", {"--retrieve", "-16"},
        {"retrieve is -16; legal: multiples of block_size 16 from 0 to 2048"});
    row("retrieve no multiple", {"--retrieve", "100"},
        {"retrieve is 100; legal: multiples of block_size 16"});
    row("retrieve over the context", {"--retrieve", "4096"}, {"retrieve is 4096", "from 0 to 2048"});
    row("no candidates", {"--candidates", "0"}, {"candidate_chunks is 0; legal: 1 or more"});
    row("window negative", {"--window", "-1"}, {"window is -1; legal: 0 to 16 chunks"});
    row("window over the context", {"--window", "17"}, {"window is 17; legal: 0 to 16 chunks"});
    row("largest numbers", {"--chunk-size", "9223372036854775807", "--retrieve", "9223372036854775807"},
        {"chunk_size is 9223372036854775807", "retrieve is 9223372036854775807"});
    row("smallest number", {"--block-size", "-9223372036854775808"}, {"block_size is -9223372036854775808"});
    row("all at once",
        {"--chunk-size", "0", "--block-size", "3", "--compression-factor", "5", "--window", "-1"},
        {"chunk_size is 0", "block_size is 3", "compression_factor is 5", "window is -1"});
  }
  void settings() {
    QFETCH(QStringList, options);
    QFETCH(QStringList, says);
    std::vector<std::string> parts, convert{"convert", kDemo, temp_ / "out"}, compare{"compare", kDemo};
    for (const QString& part : says) parts.push_back(part.toStdString());
    for (const QString& option : options) {
      convert.push_back(option.toStdString());
      compare.push_back(option.toStdString());
    }
    refuse(convert, parts);
    refuse(compare, parts);
    QVERIFY(!fs::exists(temp_ / "out"));
  }

  void comparedFolders() {
    refuse({"compare", kDemo, kDemo, "--seq-len", "32"}, {kDemo.string(), "is not converted"});
    const fs::path other = temp_ / "other";
    EXPECT_SUCCESS(run_bsbr(
        {"convert", golden_checkpoint("gpt2-plain"), other, "--chunk-size", "32", "--retrieve", "32"}));
    refuse({"compare", kDemo, other, "--seq-len", "32"}, {other.string(), "vocabulary of 211", "4096"});
  }

  void noGraphicsCard() {
    if (fs::exists("/dev/nvidia0")) QSKIP("this machine has a CUDA device");
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {"generate", kDemo, "--prompt", "a"},
             {"compare", kDemo, "--seq-len", "32"},
             {"convert-example", "--model_name", kDemo, "--seq_len", "32"},
             {"logits", golden_checkpoint("gpt2-plain"), "--input",
              golden_checkpoint("gpt2-plain") / "golden.safetensors", "--output", temp_ / "logits"}}) {
      std::vector<std::string> all = arguments;
      all.insert(all.end(), {"--device", "cuda"});
      refuse(all, {"--device cpu"});
    }
    QVERIFY(!fs::exists(temp_ / "logits"));
  }

  /// Standard output that takes nothing, for every kind of output.
  void outputFails_data() {
    QTest::addColumn<QStringList>("arguments");
    const QString demo = QString::fromStdString(kDemo.string());
    const QString sample = QString::fromStdString(kSample.string());
    QTest::newRow("info") << QStringList{"info", demo};
    QTest::newRow("info --json") << QStringList{"info", demo, "--json"};
    QTest::newRow("tokenize") << QStringList{"tokenize", demo, "--text", sample};
    QTest::newRow("generate") << QStringList{"generate", demo, "--prompt", "a", "--tokens", "3"};
    QTest::newRow("generate --json") << QStringList{"generate", demo, "--prompt", "a",
                                                    "--tokens", "3",  "--json"};
    QTest::newRow("compare") << QStringList{"compare", demo, "--seq-len", "16"};
    QTest::newRow("help") << QStringList{"--help"};
    QTest::newRow("help of a command") << QStringList{"info", "--help"};
    QTest::newRow("version") << QStringList{"--version"};
  }
  void outputFails() {
    QFETCH(QStringList, arguments);
    std::vector<std::string> list;
    for (const QString& argument : arguments) list.push_back(argument.toStdString());
    RunOptions options;
    options.in_child = [] { ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO); };
    EXPECT_REFUSAL(run_bsbr(list, options), "standard output cannot be written");
    options.in_child = [] { ::close(STDOUT_FILENO); };
    EXPECT_REFUSAL(run_bsbr(list, options), "standard output cannot be written");
  }

  /// With a closed descriptor, a file that is opened must not become standard output or error.
  void closedDescriptors() {
    for (const int closed : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      const fs::path out = temp_ / bsbr::cat("closed", closed);
      RunOptions options;
      options.in_child = [closed] { ::close(closed); };
      const RunResult result = run_bsbr({"convert", kDemo, out, "--retrieve", "64"}, options);
      QVERIFY2(result.code == (closed == STDOUT_FILENO ? 1 : 0), result.text().c_str());
      EXPECT_SUCCESS(run_bsbr({"compare", kDemo, out, "--seq-len", "16"}));
      QVERIFY(content(out / "vocab.json") == content(kDemo / "vocab.json"));
    }
    RunOptions options;
    options.in_child = [] { ::close(STDIN_FILENO); };
    const RunResult result = run_bsbr({"tokenize", kDemo, "--text", "-"}, options);
    EXPECT_REFUSAL(result, "standard input cannot be read");
  }
};

QTEST_GUILESS_MAIN(TestCliBadUse)
#include "test_cli_bad_use.moc"
