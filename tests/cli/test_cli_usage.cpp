#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;

/// Help, version, and wrong usage.
class TestCliUsage : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void help() {
    const RunResult result = run_bsbr({"--help"});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.err, std::string());
    for (const char* command : {"info", "convert", "compare", "fidelity", "sweep", "bench", "generate",
                                "tokenize", "logits", "doctor", "convert-example"}) {
      QVERIFY2(result.out.find(bsbr::cat("\n  ", command, " ")) != std::string::npos, command);
    }
  }

  void commandHelp_data() {
    QTest::addColumn<QString>("command");
    QTest::addColumn<QString>("options");
    const auto row = [](const char* command, const char* options) {
      QTest::newRow(command) << QString(command) << QString(options) + " --json --device --threads";
    };
    const QString settings =
        "--chunk-size --block-size --compression-factor --retrieve --window --candidates ";
    row("info", "CKPT");
    row("convert", qPrintable(settings + "CKPT OUT --force"));
    row("compare", qPrintable(settings + "CKPT CONVERTED --text --seq-len"));
    row("fidelity", qPrintable(settings + "CKPT CONVERTED --text --lengths --passages --from --trials"));
    row("sweep",
        "CKPT --text --seq-len --from --budgets --densities --factors --chunk-size --block-size "
        "--compression-factor --window --candidates --calibrate --calibration-tokens");
    row("bench",
        qPrintable(settings + "CKPT CONVERTED --text --lengths --repetitions --seconds --predict --csv "
                              "--attention-only --layer"));
    row("generate", "CKPT --prompt --tokens --temperature --top-k --top-p --seed");
    row("tokenize", "CKPT --text");
    row("logits", "CKPT --input --output --hidden");
    row("convert-example",
        "--model_name --chunk_size --compression_factor --seq_len --output_dir --save_model");
  }
  void commandHelp() {
    QFETCH(QString, command);
    QFETCH(QString, options);
    const RunResult result = run_bsbr({command.toStdString(), "--help"});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.err, std::string());
    for (const QString& option : options.split(' ', Qt::SkipEmptyParts)) {
      QVERIFY2(QString::fromStdString(result.out).contains(option), qPrintable(option));
    }
  }

  void version() {
    const RunResult result = run_bsbr({"--version"});
    EXPECT_SUCCESS(result);
    QVERIFY2(
        QRegularExpression("^\\d+\\.\\d+\\.\\d+\n$").match(QString::fromStdString(result.out)).hasMatch(),
        result.out.c_str());
    QCOMPARE(result.err, std::string());
  }

  void wrong_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const QStringList& arguments, const char* says) {
      QTest::newRow(name) << arguments << QString(says);
    };
    const QString demo = QString::fromStdString(kDemo.string());
    row("no command", {}, "A command is required");
    row("unknown command", {"transmogrify"}, "transmogrify");
    row("unknown option", {"info", demo, "--sideways"}, "--sideways");
    row("option of another command", {"info", demo, "--seed", "1"}, "--seed");
    row("option before the command", {"--json", "info", demo}, "--json");
    row("no checkpoint", {"info"}, "CKPT");
    row("no destination", {"convert", demo}, "OUT");
    row("one argument too many", {"info", demo, demo}, "not expected");
    row("no prompt", {"generate", demo}, "--prompt");
    row("no text", {"tokenize", demo}, "--text");
    row("no input", {"logits", demo, "--output", "x"}, "--input");
    row("option without its value", {"generate", demo, "--prompt"}, "--prompt");
    row("word for a number", {"generate", demo, "--prompt", "a", "--tokens", "many"}, "many");
    row("number, then more", {"generate", demo, "--prompt", "a", "--tokens", "5x"}, "5x");
    row("fraction for a whole", {"convert", demo, "out", "--chunk-size", "1.5"}, "1.5");
    row("number over 2^63", {"convert", demo, "out", "--chunk-size", "9223372036854775808"},
        "9223372036854775808");
    row("word for a fraction", {"generate", demo, "--prompt", "a", "--temperature", "hot"}, "hot");
    row("negative seed", {"generate", demo, "--prompt", "a", "--seed", "-1"}, "--seed");
    row("unknown device", {"generate", demo, "--prompt", "a", "--device", "tpu"}, "tpu");
    row("no threads", {"info", demo, "--threads", "0"}, "--threads");
    row("too many threads", {"info", demo, "--threads", "1025"}, "--threads");
    row("word in a list", {"sweep", demo, "--densities", "0.1,much"}, "much");
    row("settings for a converted", {"compare", demo, demo, "--window", "2"}, "--window");
  }
  void wrong() {
    QFETCH(QStringList, arguments);
    QFETCH(QString, says);
    std::vector<std::string> list;
    for (const QString& argument : arguments) list.push_back(argument.toStdString());
    const RunResult result = run_bsbr(list);
    QVERIFY2(result.code == 2, result.text().c_str());
    QCOMPARE(result.out, std::string());
    QVERIFY2(QString::fromStdString(result.err).contains(says), result.text().c_str());
  }
};

QTEST_GUILESS_MAIN(TestCliUsage)
#include "test_cli_usage.moc"
