#include <fcntl.h>
#include <unistd.h>

#include <QProcess>

#include "engine/model/runtime.h"
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
    QVERIFY2(QRegularExpression("^\\d+\\.\\d+\\.\\d+\nLibTorch .+, (GCC|Clang) .+\nkernels for .+ on .+\n$")
                 .match(QString::fromStdString(result.out))
                 .hasMatch(),
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

  /// Most tests run the command line in their own process; the program does the same.
  void program_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("says");
    const QString demo = QString::fromStdString(kDemo.string());
    const QString tied = QString::fromStdString(case_checkpoint("tied-head-differs").string());
    QTest::newRow("help") << QStringList{"--help"} << 0 << QString();
    QTest::newRow("version") << QStringList{"--version"} << 0 << QString();
    QTest::newRow("no command") << QStringList{} << 2 << "A command is required";
    QTest::newRow("wrong option") << QStringList{"info", demo, "--sideways"} << 2 << "--sideways";
    QTest::newRow("text") << QStringList{"info", demo} << 0 << QString();
    QTest::newRow("JSON") << QStringList{"info", demo, "--json"} << 0 << QString();
    QTest::newRow("input") << QStringList{"tokenize", demo, "--text", "-"} << 0 << QString();
    QTest::newRow("token by token") << QStringList{"generate", demo, "--prompt", "a", "--tokens", "3"} << 0
                                    << QString();
    QTest::newRow("refusal") << QStringList{"info", "/none\x1B"} << 1 << "/none\\x1B";
    QTest::newRow("warning") << QStringList{"info", tied} << 0 << "bsbr: warning: ";
  }
  void program() {
    QFETCH(QStringList, arguments);
    QFETCH(int, code);
    QFETCH(QString, says);
    std::vector<std::string> list;
    for (const QString& argument : arguments) list.push_back(argument.toStdString());
    RunOptions options;
    options.input = std::string("Once upon a time,\0\xFF\n", 20);
    const RunResult here = run_bsbr(list, options);
    options.process = true;
    const RunResult program = run_bsbr(list, options);
    QVERIFY2(program.code == code, program.text().c_str());
    QVERIFY2(program.err.empty() == says.isEmpty(), program.text().c_str());
    QVERIFY2(QString::fromStdString(program.err).contains(says), program.text().c_str());
    QCOMPARE(here.code, program.code);
    QCOMPARE(here.out, program.out);
    QCOMPARE(here.err, program.err);
  }

  void programIntoAFile() {
    const TempFolder folder;
    const std::string file = (folder / "out").string();
    RunOptions options;
    options.in_child = [&] { ::dup2(::open(file.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO); };
    const RunResult result = run_bsbr({"info", kDemo, "--json"}, options);
    EXPECT_SUCCESS(result);
    QCOMPARE(result.out, std::string());
    QCOMPARE(content(file), run_bsbr({"info", kDemo, "--json"}).out);
  }

  /// What one run sets is not there for the next.
  void runsDoNotMeet() {
    const std::string before = run_bsbr({"info", kDemo, "--json"}).out;
    const int threads = bsbr::threads();
    const RunResult warned =
        run_bsbr({"info", case_checkpoint("tied-head-differs"), "--threads", "3", "--json"});
    QVERIFY(!warned.json()["warnings"].empty());
    QCOMPARE(bsbr::threads(), threads);
    const RunResult after = run_bsbr({"info", kDemo, "--json"});
    QCOMPARE(after.out, before);
    QCOMPARE(after.err, std::string());
  }

  /// The two scripts answer at once, before they set anything up.
  void scripts_data() {
    QTest::addColumn<QString>("script");
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("code");
    QTest::addColumn<QStringList>("says");
    const QStringList of_run{"usage: ./run", "./run -- --help", "downloads"};
    const QStringList of_check{"usage: ./check [--quick]", "downloads"};
    QTest::newRow("run --help") << "run" << QStringList{"--help"} << 0 << of_run;
    QTest::newRow("run -h") << "run" << QStringList{"-h"} << 0 << of_run;
    QTest::newRow("check --help") << "check" << QStringList{"--help"} << 0 << of_check;
    QTest::newRow("check -h") << "check" << QStringList{"-h"} << 0 << of_check;
    QTest::newRow("check --slow") << "check" << QStringList{"--slow"} << 2
                                  << QStringList{"--slow is unknown"};
    QTest::newRow("check --quick more")
        << "check" << QStringList{"--quick", "more"} << 2 << QStringList{"more is one argument too many"};
  }
  void scripts() {
    QFETCH(QString, script);
    QFETCH(QStringList, arguments);
    QFETCH(int, code);
    QFETCH(QStringList, says);
    QProcess process;
    process.setWorkingDirectory("/");
    process.start(QString::fromStdString(in_repository(script.toStdString())), arguments);
    if (!process.waitForFinished(10'000)) process.kill();
    QCOMPARE(process.exitStatus(), QProcess::NormalExit);
    QCOMPARE(process.exitCode(), code);
    const QByteArray said = code == 0 ? process.readAllStandardOutput() : process.readAllStandardError();
    for (const QString& part : says) QVERIFY2(said.contains(part.toUtf8()), said.constData());
    if (code == 0) QVERIFY(process.readAllStandardError().isEmpty());
  }

  /// What is not for the script is the program's.
  void runHandsItsArgumentsOn_data() {
    QTest::addColumn<QString>("given");
    QTest::addColumn<QString>("handed_on");
    QTest::newRow("nothing") << ""
                             << "";
    QTest::newRow("options") << "--window 2 --help"
                             << "--window 2 --help";
    QTest::newRow("behind --") << "-- --help"
                               << "--help";
  }
  void runHandsItsArgumentsOn() {
    QFETCH(QString, given);
    QFETCH(QString, handed_on);
    // In a folder where setting up and building do nothing, and the program says what it is given.
    const TempFolder folder;
    const auto script = [&](const char* name, const std::string& text) {
      const auto file = write_file(folder / name, "#!/bin/sh\n" + text);
      std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    };
    script("run", content(in_repository("run")));
    script("resources/setup/setup", "");
    script("resources/setup/wants-cuda", "exit 1");
    script("resources/setup/steps.sh", "configure() { :; }\nbuild() { :; }\n");
    script("build/release/bin/bsbr", "echo \"$@\"\n");
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.remove("DISPLAY");
    environment.remove("WAYLAND_DISPLAY");
    process.setProcessEnvironment(environment);
    process.start("bash", QStringList(QString::fromStdString((folder / "run").string())) +
                              given.split(' ', Qt::SkipEmptyParts));
    QVERIFY(process.waitForFinished(10'000));
    QCOMPARE(process.exitCode(), 0);
    const QString out = QString::fromUtf8(process.readAllStandardOutput()).trimmed();
    QVERIFY2(out.endsWith(("--seq-len 2048 " + handed_on).trimmed()), qPrintable(out));
  }
};

QTEST_GUILESS_MAIN(TestCliUsage)
#include "test_cli_usage.moc"
